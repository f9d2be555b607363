# Source rules, and the proof that each of them can fail. They run first; clang-tidy uses all CPUs, for minutes when it has
# seen nothing yet, for a second when nothing has changed.
set(style_scripts ${CMAKE_CURRENT_SOURCE_DIR}/style)
add_test(NAME style COMMAND ${style_scripts}/check)
add_test(NAME style_selftest COMMAND ${style_scripts}/selftest)
add_test(NAME style_format COMMAND ${style_scripts}/format)
add_test(NAME style_tools_selftest COMMAND ${style_scripts}/selftest_tools)
set_tests_properties(style style_selftest style_format style_tools_selftest PROPERTIES
                     LABELS style COST 2000 TIMEOUT 300 SKIP_RETURN_CODE 77)
