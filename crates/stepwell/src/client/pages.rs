//! Lists of the API, read page by page.

use serde_json::Value;

use super::{Client, percent_encode};
use crate::error::CliError;

const PAGE_SIZE: u32 = 100;

/// A list of the dataflow API: each page has the cursor of the next.
pub struct CursorPages {
    path: String,
    items: &'static str,
    /// `None` after the last page.
    cursor: Option<String>,
}

impl CursorPages {
    /// The list at `path` (which may have a query), whose responses have the items in the field
    /// `items`.
    pub fn new(path: impl Into<String>, items: &'static str) -> Self {
        Self { path: path.into(), items, cursor: Some(String::new()) }
    }

    /// The next page; `None` after the last one.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<Value>>, CliError> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let mut path = format!("{}{separator}limit={PAGE_SIZE}", self.path);
        if !cursor.is_empty() {
            path = format!("{path}&cursor={}", percent_encode(&cursor));
        }
        let mut response = client.get(&path).await?;
        self.cursor = response["next_cursor"].as_str().map(Into::into);
        let items = response[self.items].take();
        Ok(Some(items.as_array().cloned().unwrap_or_default()))
    }

    /// The first `limit` items.
    pub async fn first(mut self, client: &Client, limit: usize) -> Result<Vec<Value>, CliError> {
        let mut items = Vec::new();
        while items.len() < limit
            && let Some(page) = self.next(client).await?
        {
            items.extend(page);
        }
        items.truncate(limit);
        Ok(items)
    }
}

/// All items of a list of the abi API, whose pages are numbered. `filters` is appended to the
/// query: empty, or `&name=value`.
pub async fn list_all(client: &Client, path: &str, filters: &str) -> Result<Vec<Value>, CliError> {
    let mut items = Vec::new();
    for page in 1.. {
        let url = format!("{path}?page={page}&page_size={PAGE_SIZE}{filters}");
        let response = client.get(&url).await?;
        let data = &response["data"];
        items.extend(data["items"].as_array().cloned().unwrap_or_default());
        if page >= data["pagination"]["total_pages"].as_u64().unwrap_or_default() {
            break;
        }
    }
    Ok(items)
}

/// Which items of a list are requested.
pub struct ListRequest<'a> {
    pub path: &'a str,
    /// Appended to the query: empty, or `&name=value`.
    pub filters: &'a str,
    pub limit: usize,
    /// The end of the previous items; `None`: from the first item.
    pub cursor: Option<String>,
}

/// Items of a list.
pub struct ListPage {
    pub items: Vec<Value>,
    /// The cursor of the following items, or null.
    pub next: Value,
}

/// At most `limit` items of a list of the abi API whose pages have cursors.
pub async fn list_page(client: &Client, request: ListRequest<'_>) -> Result<ListPage, CliError> {
    let ListRequest { path, filters, limit, cursor } = request;
    let (mut items, mut next) = (Vec::new(), cursor.map_or(Value::Null, Value::String));
    while items.len() < limit {
        let size = (limit - items.len()).min(PAGE_SIZE as usize);
        let mut url = format!("{path}?page_size={size}{filters}");
        if let Some(cursor) = next.as_str() {
            url = format!("{url}&cursor={}", percent_encode(cursor));
        }
        let mut response = client.get(&url).await?;
        let data = &mut response["data"];
        next = data["pagination"]["next_cursor"].take();
        items.extend(data["items"].as_array().cloned().unwrap_or_default());
        if next.is_null() {
            break;
        }
    }
    Ok(ListPage { items, next })
}
