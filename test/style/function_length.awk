# Functions of more than 60 lines, from the first line of the head to the closing brace; lines of text inside raw strings
# are not counted. It reads what clang-format leaves, without /* */, and not C++ at large: a block whose head has
# parentheses is a function, unless it lies in one or defines a type.

# The line without what can hold braces and is not code: strings, character literals, comments. A raw string goes on into
# the next lines until raw_end.
function bare(line,   out, at) {
  out = ""
  while (line != "") {
    if (raw_end != "") {
      at = index(line, raw_end)
      if (!at) {
        text_lines++
        return out
      }
      line = substr(line, at + length(raw_end))
      raw_end = ""
      continue
    }
    if (!match(line, /R"[^(]*\(|"|'|\/\//)) return out line
    out = out substr(line, 1, RSTART - 1)
    at = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    if (at == "//") return out
    if (at ~ /^R/) {
      raw_end = ")" substr(at, 3, length(at) - 3) "\""
      continue
    }
    if (at == "'" && out ~ /[0-9a-fA-F]$/ && line ~ /^[0-9a-fA-F]/) continue  # the separator in 1'000
    while (line != "" && substr(line, 1, 1) != at) line = substr(line, substr(line, 1, 1) == "\\" ? 3 : 2)
    line = substr(line, 2)
  }
  return out
}

function defines_a_type(head) {
  return head ~ /(^|[^A-Za-z0-9_])(namespace|class|struct|union|enum)([^A-Za-z0-9_]|$)/ && head !~ /\)[^()]*$/
}

function end_function(   name, lines) {
  name = function_head
  if (match(name, /[A-Za-z0-9_:~]+ *\(/)) name = substr(name, RSTART, RLENGTH - 1)
  else sub(/ *=.*/, "", name)  # a lambda with a name
  lines = FNR - function_start + 1 - text_lines
  if (lines > 60) print FILENAME ":" function_start ": " name " has " lines " lines; a function has at most 60"
}

function end_file() {
  if (depth != 0 || raw_end != "") print file ": its braces do not balance; the length of its functions cannot be told"
}

FNR == 1 {
  end_file()
  file = FILENAME
  depth = function_depth = 0
  head = raw_end = ""
}
{
  line = bare($0)
  if (line ~ /^[ \t]*#/ || line ~ /^ *(public|protected|private):$/) next
  while (match(line, /[{};]/)) {
    before = substr(line, 1, RSTART - 1)
    token = substr(line, RSTART, 1)
    line = substr(line, RSTART + 1)
    if (head == "" && before ~ /[^ \t]/) head_start = FNR
    head = head before
    if (token == "{") {
      depth++
      if (!function_depth && head ~ /\(/ && !defines_a_type(head)) {
        function_depth = depth
        function_start = head_start
        function_head = head
        text_lines = 0
      }
    } else if (token == "}") {
      if (function_depth == depth) {
        end_function()
        function_depth = 0
      }
      depth--
    }
    head = ""
  }
  if (line !~ /[^ \t]/) next
  if (head == "") head_start = FNR
  head = head " " line
}
END { end_file() }
