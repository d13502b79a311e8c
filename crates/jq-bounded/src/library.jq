# jq's standard library, as far as it only computes; `natives.rs` has what it rests on. Names that
# begin with `_` are not for programs.

# Constants and control
def null: [][0];
def true: 0 == 0;
def false: 0 != 0;
def empty: {}[] as $x | .;
def error: error_empty as $x | .;
def error(msgs): (msgs | error_empty) as $x | .;
def not: if . then false else true end;
def select(f): if f then . else empty end;
def recurse(f): def rec: ., (f | rec); rec;
def recurse: recurse(.[]?);
def recurse(f; cond): def rec: ., (f | select(cond) | rec); rec;
def repeat(f): def rec: f, rec; rec;
def while(cond; update): def rec: if cond then ., (update | rec) else empty end; rec;
def until(cond; update): def rec: if cond then . else update | rec end; rec;
def range($from; $to; $by): if $by == 0 then empty else _range($from; $to; $by) end;
def range($from; $to): _range($from; $to; 1);
def range($to): _range(0; $to; 1);
def limit($n; f): if $n > 0 then _limit($n; f) elif $n == 0 then empty else f end;
def last(f): reduce f as $x (null; $x);
def nth($n): .[$n];
def nth($n; f):
  if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;
def first: .[0];
def last: .[-1];
def isempty(g): first((g | false), true);
def all(g; cond): isempty(g | cond and empty);
def any(g; cond): isempty(g | cond or empty) | not;
def all(cond): all(.[]; cond);
def any(cond): any(.[]; cond);
def all: all(.[]; .);
def any: any(.[]; .);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);

# Types
def isboolean: type == "boolean";
def isnumber: type == "number";
def isstring: type == "string";
def isarray: type == "array";
def isobject: type == "object";
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(isboolean);
def numbers: select(isnumber);
def strings: select(isstring);
def arrays: select(isarray);
def objects: select(isobject);
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def tostring: "\(.)";
def tonumber:
  if isnumber then .
  elif isstring then . as $text | try (fromjson | if isnumber then . else error("x") end)
    catch ($text | error("Cannot parse '\(.)' as a number"))
  else _unfit("cannot be parsed as a number") end;
def toboolean:
  if isboolean then . elif . == "true" then true elif . == "false" then false
  else _unfit("cannot be parsed as a boolean") end;
def toarray: if isarray then . else [.] end;
def have_literal_numbers: true;
def have_decnum: false;
def utf8bytelength:
  if isstring then _utf8bytelength else _unfit("only strings have UTF-8 byte length") end;
def explode: if isstring then _explode else error("explode input must be a string") end;

# Numbers
def isinfinite: . == infinite or . == -infinite;
def isfinite: isnumber and (isinfinite | not);
def isnormal: isnumber and ((. == 0 or isnan or isinfinite) | not);
def finites: select(isfinite);
def normals: select(isnormal);
def abs: if isnumber and . < 0 then -. else . end;
def logb:
  if . == 0.0 then -infinite elif isinfinite then infinite elif isnan then .
  else ilogb | . + 0.0 end;
def significand:
  if isinfinite or isnan then . elif . == 0.0 then 0.0 else scalbln(.; ilogb | -1 * .) end;
def pow10: pow(10.0; .);
def drem($l; $r): remainder($l; $r) | if . == 0 then copysign(.; $l) else . end;
def nexttoward($x; $y): nextafter($x; $y);
def scalb($x; $e): $x * pow(2.0; $e);
def gamma: lgamma;
def lgamma_r:
  [lgamma, if isnormal and . < 0 and floor != . and (floor % 2 != 0) then -1 else 1 end];
def nearbyint: rint;

# Paths
def paths: path(..) | select(length > 0);
def paths(node_filter): path(.. | select(node_filter)) | select(length > 0);
def leaf_paths: paths(scalars);
def getpath($path): reduce $path[] as $p (.; .[$p]);
def del(f): delpaths([path(f)]);
def pick(paths): . as $in | reduce path(paths) as $p (null; setpath($p; $in | getpath($p)));
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def walk(f):
  def rec: if isobject then map_values(rec) elif isarray then map(rec) else . end | f;
  rec;

# Arrays and objects
def add(f): reduce f as $x (null; . + $x);
def add: add(.[]);
def keys: keys_unsorted | sort;
def to_entries: [key_values[] as [$key, $value] | {$key, $value}];
def from_entries:
  def key:
    if isobject then
      (if .key != null then .key elif .k != null then .k elif .name != null then .name
      elif .Name != null then .Name elif .K != null then .K elif .Key != null then .Key
      else .key // .k // null end)
      | if isstring then . elif isnumber or isboolean or . == null then tojson else . end
    else .key end;
  def value:
    if has("value") then .value elif has("v") then .v elif has("Value") then .Value else .V end;
  reduce .[] as $x ({}; . + {($x | key): ($x | value)});
def with_entries(f): to_entries | map(f) | from_entries;
def min_by(f): reduce min_by_or_empty(f) as $x (null; $x);
def max_by(f): reduce max_by_or_empty(f) as $x (null; $x);
def min: min_by(.);
def max: max_by(.);
def unique_by(f): [group_by(f)[] | .[0]];
def unique: unique_by(.);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];
def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];
def combinations:
  if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $y | [$x] + $y end;
def combinations(n): . as $dot | [range(n) | $dot] | combinations;
def flatten: [recurse(arrays[]) | select(isarray | not)];
def flatten($depth):
  def rec($d): [.[] | if isarray and $d > 0 then rec($d - 1)[] else . end];
  if $depth < 0 then error("flatten depth must not be negative") else rec($depth) end;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($idx; f): [.[] | [., $idx[f]]];
def JOIN($idx; stream; f): stream | [., $idx[f]];
def JOIN($idx; stream; f; join): stream | [., $idx[f]] | join;

# Streams
def tostream:
  path(def rec: (.[]? | rec), .; rec) as $p | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f):
  {x: null, e: false} as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream):
  . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; $input[0][$n:]) else empty end;

# Texts
def split($sep):
  if isstring and ($sep | isstring) then . / $sep
  else error("split input and separator must be strings") end;

# Regular expressions
def _with_array($val; f):
  ($val | type) as $type
  | if $type == "string" then [$val, null] | f
    elif $type == "array" and ($val | length) > 1 then $val | f
    elif $type == "array" and ($val | length) > 0 then [$val[0], null] | f
    else error($type + " not a string or array") end;
def test($re; $flags): _test($re; $flags);
def test($val): . as $in | _with_array($val; . as [$re, $flags] | $in | _test($re; $flags));
def match($re; $flags): _match($re; $flags)[];
def match($val): . as $in | _with_array($val; . as [$re, $flags] | $in | match($re; $flags));
def _capture_object: reduce (.captures[] | select(.name != null)) as $c ({}; .[$c.name] = $c.string);
def capture($re; $flags): match($re; $flags) | _capture_object;
def capture($val): match($val) | _capture_object;
def scan($re; $flags):
  match($re; "g" + $flags)
  | if .captures | length > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; null);
def split($re; $flags): _split($re; "g" + $flags);
def splits($re; $flags): split($re; $flags)[];
def splits($re): splits($re; null);
def sub($re; f; $flags): _sub(f; $re; $flags);
def sub($re; f): sub($re; f; "");
def gsub($re; f; $flags): sub($re; f; "g" + $flags);
def gsub($re; f): sub($re; f; "g");

# Dates
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todate: todateiso8601;
def fromdate: fromdateiso8601;
def date: todate;
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;

# Formats
def _row(quoted; $name):
  if isarray then
    [.[] | if isnumber and isnan then null elif isstring then quoted
      elif isarray or isobject then _unfit("is not valid in a csv row") else . end]
  else _unfit("cannot be \($name)-formatted, only array") end;
def @text: tostring;
def @json: tojson;
def @csv: _row("\"" + (split("\"") | join("\"\"")) + "\""; "csv") | join(",");
def @tsv:
  _row(split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n")
    | split("\r") | join("\\r"); "tsv") | join("\t");
def @sh:
  [if isarray then .[] else . end
    | if isstring then "'\(escape_sh)'"
      elif isarray or isobject then _unfit("can not be escaped for shell") else tojson end]
  | join(" ");
def @html: tostring | escape_html;
def @htmld: tostring | unescape_html;
def @uri: tostring | encode_uri;
def @urid: tostring | decode_uri;
def @base64: tostring | encode_base64;
def @base64d: _decode_base64;
def @base32: _encode_base32;
def @base32d: _decode_base32;
def format($name):
  if $name == "text" then @text elif $name == "json" then @json elif $name == "csv" then @csv
  elif $name == "tsv" then @tsv elif $name == "html" then @html elif $name == "uri" then @uri
  elif $name == "sh" then @sh elif $name == "base64" then @base64
  elif $name == "base64d" then @base64d elif $name == "base32" then @base32
  elif $name == "base32d" then @base32d
  else error("\($name) is not a valid format") end;
