// Foreign text on its way to a terminal or a log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// Text of a scenario, a file's name, a guest or another program as it may be shown: the one function through
/// which all of it goes. What a terminal would obey or nobody would see is written out: `\n` and `\t`,
/// `\x1b` for other control characters (C0, DEL) and for bytes that are not UTF-8, `\u202e` for C1 controls,
/// marks that change the direction of text, invisible characters and line separators. What a CI system takes
/// for a command is broken: `##[` and `##vso[` anywhere, `::` where the text begins. The result is one line.
/// Text that was shown once is not changed by showing it again.
std::string Printable(std::string_view text);
/// The same of each line by itself; the line ends stay.
std::string PrintableLines(std::string_view lines);

/// The same, apart for each character of `text` (or byte that belongs to none).
std::vector<std::string> PrintableCharacters(std::string_view text);

/// `word` as one word of a shell, in quotes only where they are needed; characters that Printable() would not
/// leave as they are stand in the form $'\033', which bash, zsh and POSIX since 2024 know.
std::string ShellWord(std::string_view word);

}  // namespace ktstr
