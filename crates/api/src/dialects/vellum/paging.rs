//! Lists by offset, as this dialect's clients page.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Serialize;
use stepwell_store::lists::{Page, PageStart, Window};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::public_url::BaseUrl;
use crate::query::{MAX_NUMBER, Params, invalid_parameter};

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumPage)]
pub struct Paged<T> {
    /// How many there are on all pages.
    pub count: u64,
    /// Path and query of the next page; `null` on the last.
    pub next: Option<String>,
    /// Path and query of the page before; `null` on the first.
    pub previous: Option<String>,
    /// The page.
    pub results: Vec<T>,
}

/// The part of a list that `limit` and `offset` request, counted.
///
/// # Errors
/// `InvalidRequest` naming the parameter.
pub fn read_window(params: &Params) -> Result<Window<String>, ApiError> {
    let size = params.limit()?;
    let offset = params.number("offset", 0..=MAX_NUMBER, 0)?;
    Ok(Window { start: PageStart::Skip(offset as u64), size, count: true })
}

/// The path, as the client sees it, and the query of a list: its pages link to others with the same query.
pub struct PagedRequest {
    pub uri: Uri,
    pub params: Params,
}

impl<S: Send + Sync> FromRequestParts<S> for PagedRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, state).await?;
        let uri = match parts.extensions.get::<BaseUrl>() {
            Some(base) => base.path_of(&parts.uri),
            None => parts.uri.clone(),
        };
        Ok(Self { uri, params })
    }
}

/// The body of the page that `uri` requests.
pub fn page_body<T>(uri: &Uri, window: &Window<String>, page: Page<T>) -> Paged<T> {
    let Page { items, total, next: _ } = page;
    let (skip, size, count) = (window.skipped(), window.size as u64, total.unwrap_or_default());
    let after = skip.saturating_add(size);
    let next = (after < count).then(|| page_link(uri, after, window.size));
    let previous = (skip > 0).then(|| page_link(uri, skip.saturating_sub(size), window.size));
    Paged { count, next, previous, results: items }
}

/// The same request for another page. Relative, since what the client calls this server is for
/// the proxies before it to know.
fn page_link(uri: &Uri, offset: u64, limit: usize) -> String {
    let is_place = |pair: &&str| pair.starts_with("limit=") || pair.starts_with("offset=");
    let pairs = uri.query().unwrap_or_default().split('&');
    let others: String =
        pairs.filter(|pair| !pair.is_empty() && !is_place(pair)).flat_map(|p| [p, "&"]).collect();
    format!("{}?{others}limit={limit}&offset={offset}", uri.path())
}

/// Cuts the page out of a list that is in memory as a whole, and sorted.
pub fn cut_page<T>(window: &Window<String>, items: impl ExactSizeIterator<Item = T>) -> Page<T> {
    let total = Some(items.len() as u64);
    let skipped = usize::try_from(window.skipped()).unwrap_or(usize::MAX);
    Page { items: items.skip(skipped).take(window.size).collect(), total, next: None }
}

/// `ordering`: the first of its fields, and whether it is backwards. Those behind it decide between
/// equals only; they are checked.
///
/// # Errors
/// `InvalidRequest` naming the fields that there are.
pub fn read_ordering<'a>(
    params: &Params,
    fields: &[&'a str],
) -> Result<Option<(&'a str, bool)>, ApiError> {
    let Some(text) = params.one("ordering")? else { return Ok(None) };
    let read = |part: &str| {
        let (name, backwards) = match part.strip_prefix('-') {
            Some(name) => (name, true),
            None => (part, false),
        };
        fields.iter().find(|field| **field == name).map(|field| (*field, backwards))
    };
    let parts: Option<Vec<_>> = text.split(',').map(|part| read(part.trim())).collect();
    match parts.as_deref() {
        Some([first, ..]) => Ok(Some(*first)),
        _ => {
            let each = fields.iter().flat_map(|field| [(*field).to_owned(), format!("-{field}")]);
            let expected = format!("one of {}", each.collect::<Vec<_>>().join(", "));
            Err(invalid_parameter("ordering", &expected, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(skip: u64, size: usize) -> Window<String> {
        Window { start: PageStart::Skip(skip), size, count: true }
    }

    #[test]
    fn links_keep_the_other_parameters() {
        let page = |total| Page { items: vec![(), ()], total: Some(total), next: None };
        let uri: Uri = "/v1/x?status=ACTIVE&limit=2&offset=3&ordering=-name".parse().unwrap();
        let body = page_body(&uri, &window(3, 2), page(6));
        let more = "/v1/x?status=ACTIVE&ordering=-name&limit=2";
        assert_eq!(body.next, Some(format!("{more}&offset=5")));
        assert_eq!(body.previous, Some(format!("{more}&offset=1")));
        let uri: Uri = "/v1/x".parse().unwrap();
        let body = page_body(&uri, &window(0, 2), page(2));
        assert_eq!((body.next, body.previous), (None, None));
        let body = page_body(&uri, &window(u64::MAX, 2), page(2));
        assert!(body.next.is_none() && body.previous.is_some());
    }

    #[test]
    fn pages_are_cut_from_lists_in_memory() {
        for (skip, size, expect) in
            [(0, 2, vec![1, 2]), (2, 2, vec![3]), (9, 2, vec![]), (u64::MAX, 1, vec![])]
        {
            let page = cut_page(&window(skip, size), vec![1, 2, 3].into_iter());
            assert_eq!(page, Page { items: expect, total: Some(3), next: None });
        }
    }
}
