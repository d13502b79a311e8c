//! Lists by offset, as this dialect's clients page.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::query::{MAX_NUMBER, Params, wrong};

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// So many come before it.
    pub skip: usize,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

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

/// `limit` and `offset`.
///
/// # Errors
/// `InvalidRequest` naming the parameter.
pub fn place(params: &Params) -> Result<Place, ApiError> {
    Ok(Place { limit: params.limit()?, skip: params.number("offset", 0..=MAX_NUMBER, 0)? })
}

/// The address and the query of a list: its pages link to others with the same query.
pub struct PagedRequest {
    pub uri: Uri,
    pub params: Params,
}

impl<S: Send + Sync> FromRequestParts<S> for PagedRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, state).await?;
        Ok(Self { uri: parts.uri.clone(), params })
    }
}

/// The page that `uri` requests.
pub fn paged<T>(uri: &Uri, place: Place, count: u64, results: Vec<T>) -> Paged<T> {
    let Place { skip, limit } = place;
    let after = skip.saturating_add(limit);
    let next = (u64::try_from(after).is_ok_and(|after| after < count))
        .then(|| link(uri, Place { skip: after, limit }));
    let previous = (skip > 0).then(|| link(uri, Place { skip: skip.saturating_sub(limit), limit }));
    Paged { count, next, previous, results }
}

/// The same request for another page. Relative, since what the client calls this server is for
/// the proxies before it to know.
fn link(uri: &Uri, Place { skip, limit }: Place) -> String {
    let is_place = |pair: &&str| pair.starts_with("limit=") || pair.starts_with("offset=");
    let pairs = uri.query().unwrap_or_default().split('&');
    let others: String =
        pairs.filter(|pair| !pair.is_empty() && !is_place(pair)).flat_map(|p| [p, "&"]).collect();
    format!("{}?{others}limit={limit}&offset={skip}", uri.path())
}

/// The numbers from 1 to `newest` of a page, the newest first unless `oldest_first`.
pub fn numbers(newest: u32, Place { skip, limit }: Place, oldest_first: bool) -> Vec<u32> {
    let all = 1..=newest;
    if oldest_first {
        all.skip(skip).take(limit).collect()
    } else {
        all.rev().skip(skip).take(limit).collect()
    }
}

/// `ordering`: the first of its fields, and whether it is backwards. Those behind it decide between
/// equals only; they are checked.
///
/// # Errors
/// `InvalidRequest` naming the fields that there are.
pub fn ordering<'a>(
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
            Err(wrong("ordering", &expected, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_other_parameters() {
        let uri: Uri = "/v1/x?status=ACTIVE&limit=2&offset=3&ordering=-name".parse().unwrap();
        let page = paged(&uri, Place { skip: 3, limit: 2 }, 6, vec![(), ()]);
        let more = "/v1/x?status=ACTIVE&ordering=-name&limit=2";
        assert_eq!(page.next, Some(format!("{more}&offset=5")));
        assert_eq!(page.previous, Some(format!("{more}&offset=1")));
        let uri: Uri = "/v1/x".parse().unwrap();
        let page = paged(&uri, Place { skip: 0, limit: 2 }, 2, vec![(), ()]);
        assert_eq!((page.next, page.previous), (None, None));
        let page = paged(&uri, Place { skip: usize::MAX, limit: 2 }, 2, Vec::<()>::new());
        assert!(page.next.is_none() && page.previous.is_some());
    }

    #[test]
    fn numbers_are_cut_from_both_ends() {
        for (newest, skip, limit, oldest_first, expect) in [
            (3, 0, 2, false, vec![3, 2]),
            (3, 2, 2, false, vec![1]),
            (3, 0, 2, true, vec![1, 2]),
            (3, 9, 2, true, vec![]),
            (0, 0, 2, false, vec![]),
        ] {
            assert_eq!(numbers(newest, Place { skip, limit }, oldest_first), expect);
        }
    }
}
