# Definitions beyond jaq's core and standard library; `natives.rs` has what they rest on.

# Conversion
def totype(p; e): if p then . else fromjson | if p then . else e end end;
def tonumber : totype(isnumber ; error("cannot parse as number" ));
def toboolean: totype(isboolean; error("cannot parse as boolean"));
def toarray: if isarray then . else [.] end;

# Arrays
def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];

# Indexing
def in(xs)    : . as $x | xs | has     ($x);
def inside(xs): . as $x | xs | contains($x);
def  index($i): indices($i)[ 0];
def rindex($i): indices($i)[-1];

# Formatting
def @json: tojson;
def @csv: [.[] | if isstring then "\"" + (split("\"") | join("\"\"")) + "\""
  elif isarray or isobject then error("an array or object cannot be a CSV field")
  else . end] | join(",");
def @tsv: [.[] | if isstring then split("\\") | join("\\\\") | split("\t") | join("\\t")
  | split("\n") | join("\\n") | split("\r") | join("\\r")
  elif isarray or isobject then error("an array or object cannot be a TSV field")
  else . end] | join("\t");
