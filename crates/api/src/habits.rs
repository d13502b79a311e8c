//! Names that lists of other APIs have for what a parameter does here, or for what no parameter
//! does. None of them filters by a label of that name without the prefix `metadata.`: a habit from
//! elsewhere would give an empty list, not an error.

use crate::query::METADATA;

/// Names without case, `_`, `-` and the like, and what does the same here: the first of these that
/// a list has.
const HABITS: &[(&[&str], &[&str])] = &[
    (
        &[
            "limit",
            "perpage",
            "pagesize",
            "size",
            "count",
            "top",
            "take",
            "maxresults",
            "maxitems",
            "first",
            "last",
            "pagelimit",
            "batchsize",
        ],
        &["page_size", "limit"],
    ),
    (&["offset", "skip", "pagenumber", "pageno", "pagenum", "startindex"], &["page", "cursor"]),
    (
        &[
            "pagetoken",
            "nexttoken",
            "nextpagetoken",
            "continuationtoken",
            "continuation",
            "token",
            "startingafter",
            "endingbefore",
            "marker",
            "next",
            "nextcursor",
            "pagecursor",
            "pageafter",
        ],
        &["cursor", "page"],
    ),
    (&["sort", "sortfield", "sortkey", "orderby"], &["sort_by", "ordering"]),
    (
        &[
            "order",
            "direction",
            "dir",
            "sortdir",
            "sortdirection",
            "orderdir",
            "orderdirection",
            "ordering",
            "ascending",
            "descending",
            "asc",
            "desc",
            "reverse",
        ],
        &["sort_order", "ordering"],
    ),
    (
        &[
            "since",
            "from",
            "after",
            "start",
            "begin",
            "starttime",
            "startedafter",
            "createdafter",
            "createdsince",
            "createdfrom",
            "startat",
            "startsat",
            "fromdate",
            "datefrom",
            "fromtime",
            "timefrom",
            "mindate",
            "acceptedafter",
        ],
        &["start_date"],
    ),
    (
        &[
            "until",
            "to",
            "before",
            "end",
            "endtime",
            "startedbefore",
            "createdbefore",
            "createduntil",
            "createdto",
            "endat",
            "endsat",
            "todate",
            "dateto",
            "totime",
            "timeto",
            "maxdate",
            "acceptedbefore",
        ],
        &["end_date"],
    ),
    (&["state", "statuses", "phase", "executionstatus"], &["status"]),
    (&["workflow", "workflows", "workflowids", "workflowname"], &["workflow_id"]),
    (&["externalids", "externalid"], &["external_id"]),
];

/// Names for searching and shaping lists, and the fields of the items of lists, for which there is
/// no parameter of another name.
const OTHERS: &[&str] = &[
    // Searching and shaping.
    "tag",
    "tags",
    "q",
    "query",
    "search",
    "searchterm",
    "term",
    "text",
    "keyword",
    "keywords",
    "filter",
    "filters",
    "where",
    "match",
    "fields",
    "select",
    "include",
    "exclude",
    "expand",
    "embed",
    "groupby",
    "date",
    "daterange",
    "period",
    "window",
    "range",
    "total",
    "totalcount",
    "format",
    "view",
    "archived",
    "deleted",
    "active",
    "enabled",
    "all",
    // Fields of the items, and moments of them.
    "updatedafter",
    "updatedsince",
    "modifiedsince",
    "updatedbefore",
    "updateduntil",
    "id",
    "ids",
    "body",
    "sample",
    "name",
    "names",
    "type",
    "types",
    "description",
    "version",
    "versions",
    "createdat",
    "updatedat",
    "activatedat",
    "deactivatedat",
    "startedat",
    "completedat",
    "finishedat",
    "endedat",
    "createdby",
    "updatedby",
    "owner",
    "duration",
    "durationms",
    "iswaiting",
    "waiting",
    "parameters",
    "input",
    "inputs",
    "result",
    "output",
    "outputs",
    "error",
    "steps",
    "release",
    "releases",
    "stats",
    "trigger",
    "triggeredby",
    "configuration",
    "definition",
    "integrations",
    "callbackurl",
    "rerunof",
    "executionid",
    "executionids",
    "executions",
    "scheduleid",
    "scheduleids",
    "schedule",
    "workspaceid",
    "workspace",
    "organizationid",
    "environmentid",
    "userid",
    "user",
];

/// Labels that the server gives the executions of a schedule.
const SERVER_LABELS: &[&str] = &["schedule_id", "scheduled_at"];

/// Names for labels as a whole.
const LABELS: &[&str] = &["metadata", "meta", "label", "labels", "labelselector"];

/// A name without case and separators.
pub fn bare_name(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', '.', ' ', '[', ']', '$'], "")
}

/// The whole name, and what is before an operator: `created_at[gte]`, `status__in`, `name.like`.
fn number_forms(name: &str) -> [String; 2] {
    let end = name.find('[').or_else(|| name.find("__")).or_else(|| name.find('.'));
    [bare_name(name), bare_name(end.and_then(|end| name.get(..end)).unwrap_or(name))]
}

/// What does here what a parameter of that name does elsewhere, best first.
pub fn meant_names(name: &str) -> &'static [&'static str] {
    let forms = number_forms(name);
    let is_named = |(names, _): &&(&[&str], &'static [&'static str])| {
        forms.iter().any(|form| names.contains(&form.as_str()))
    };
    HABITS.iter().find(is_named).map_or(&[], |(_, meant)| *meant)
}

/// Whether a name is likely to be meant as a parameter, so that it is no label without its prefix.
pub fn is_parameter_like(name: &str) -> bool {
    if SERVER_LABELS.contains(&name) {
        return false;
    }
    !meant_names(name).is_empty()
        || number_forms(name).iter().any(|form| OTHERS.contains(&form.as_str()))
}

/// Whether a name means labels without naming one.
pub fn is_label_prefix(name: &str) -> bool {
    let [whole, base] = number_forms(name);
    name == METADATA || [whole, base].iter().any(|form| LABELS.contains(&form.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_operators() {
        let all = HABITS.iter().flat_map(|(names, _)| *names).chain(OTHERS).chain(LABELS);
        for name in all {
            assert_eq!(bare_name(name), *name, "it is never found");
        }
        for name in ["created_after", "createdAfter", "created-after", "Created After"] {
            assert_eq!(meant_names(name), ["start_date"], "{name}");
        }
        for name in ["created_at[gte]", "created_at__gte", "createdAt.gte", "$filter", "ids[]"] {
            assert!(is_parameter_like(name), "{name}");
        }
        for name in ["department", "team", "region", "cost_center", "a.b"] {
            assert!(!is_parameter_like(name) && !is_label_prefix(name), "{name}");
        }
    }
}
