# What real editors make of the committed schema; `npm ci` in test/editor installs what it needs.
find_program(NODE_PROGRAM node)
if(NODE_PROGRAM AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/editor/node_modules/yaml-language-server)
  add_test(NAME editor COMMAND ${NODE_PROGRAM} ${CMAKE_CURRENT_SOURCE_DIR}/editor/check.mjs
    --bin $<TARGET_FILE:ktstr-interp> --schema ${CMAKE_SOURCE_DIR}/schemas/scenario.schema.json
    --fixtures ${CMAKE_CURRENT_SOURCE_DIR}/editor/fixtures --scenarios ${CMAKE_SOURCE_DIR}/scenarios)
  set_tests_properties(editor PROPERTIES LABELS editor COST 1500 TIMEOUT 300)
endif()
