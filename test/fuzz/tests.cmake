# Fuzzing. One `fuzz_<name>.cpp` per target with LLVMFuzzerTestOneInput in it, one row below, inputs in corpus/<name>/.
# - Every build replays the corpus through the same entry function (test `fuzz_<name>_corpus`).
# - libFuzzer itself needs clang, in a build folder of its own:
#     cmake -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DKTSTR_FUZZ=ON
#     ninja -C build-fuzz fuzz_document && build-fuzz/test/fuzz_document -dict=test/fuzz/document.dict test/fuzz/corpus/document
#   What it finds (crash-*, timeout-*) becomes a corpus file under a name that says what it is.

# ktstr_fuzz_target(<name> LIBRARIES <for the replay> SOURCES <for libFuzzer: globs from the repository's root>
#                   [EXTERNAL <libraries that are not ours>])
function(ktstr_fuzz_target name)
  cmake_parse_arguments(arg "" "" "LIBRARIES;SOURCES;EXTERNAL" ${ARGN})
  set(target ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_${name}.cpp)
  if(KTSTR_FUZZ)
    list(TRANSFORM arg_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
    file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
    # The sources are compiled anew with all sanitizers, and without our warning flags: g++ is their judge.
    add_executable(fuzz_${name} ${target} ${sources})
    target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${XXHASH_INCLUDE})
    target_compile_options(fuzz_${name} PRIVATE -O1 -g -fsanitize=fuzzer,address,undefined
                           -fno-sanitize-recover=all)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_libraries(fuzz_${name} PRIVATE ${arg_EXTERNAL})
  else()
    add_executable(fuzz_${name}_corpus ${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay_corpus.cpp)
    target_link_libraries(fuzz_${name}_corpus PRIVATE ${arg_LIBRARIES})
    add_test(NAME fuzz_${name}_corpus
             COMMAND fuzz_${name}_corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(fuzz_${name}_corpus PROPERTIES LABELS "unit;fuzz" TIMEOUT 300)
  endif()
endfunction()

if(KTSTR_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "KTSTR_FUZZ needs clang: configure with -DCMAKE_CXX_COMPILER=clang++")
endif()

ktstr_fuzz_target(document
  LIBRARIES ktstr_interpreter
  SOURCES ops/diagnostics.cpp ops/suggest.cpp interpreter/source_text.cpp interpreter/document*.cpp
          interpreter/render_diagnostics*.cpp
  EXTERNAL yaml-cpp fmt::fmt)

ktstr_fuzz_target(wire LIBRARIES ktstr_wire SOURCES guest-init/wire/*.cpp)

ktstr_fuzz_target(payload_metrics
  LIBRARIES ktstr_interpreter
  SOURCES interpreter/payload_metrics*.cpp guest-init/wire/*.cpp
  EXTERNAL fmt::fmt)

ktstr_fuzz_target(scenario
  LIBRARIES ktstr_interpreter
  SOURCES ops/*.cpp workloads/*.cpp guest-init/wire/*.cpp vmm/topology.cpp interpreter/document*.cpp
          interpreter/decode*.cpp interpreter/source_text.cpp interpreter/scenario.cpp interpreter/plan.cpp
          interpreter/checks.cpp interpreter/metrics.cpp interpreter/payload_metrics*.cpp interpreter/stats.cpp
          interpreter/percentile.cpp interpreter/fold*.cpp interpreter/schema_check.cpp interpreter/explain_text.cpp
  EXTERNAL yaml-cpp fmt::fmt)

ktstr_fuzz_target(elf LIBRARIES ktstr_vmm SOURCES vmm/elf_file.cpp EXTERNAL fmt::fmt)

ktstr_fuzz_target(btf
  LIBRARIES ktstr_introspection
  SOURCES vmm/introspection/btf.cpp vmm/introspection/btf_members.cpp vmm/introspection/btf_path.cpp
          vmm/introspection/btf_render.cpp vmm/introspection/rendered_*.cpp vmm/introspection/nearest_name.cpp
          vmm/introspection/cpu_mask_type.cpp vmm/fd.cpp vmm/host_file.cpp
  EXTERNAL PkgConfig::LIBBPF fmt::fmt)
