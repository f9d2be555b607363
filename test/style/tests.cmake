# Source rules, and the proof that each of them can fail.
add_test(NAME style COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/style/check)
add_test(NAME style_selftest COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/style/selftest)
set_tests_properties(style style_selftest PROPERTIES LABELS style COST 2000 TIMEOUT 60)
