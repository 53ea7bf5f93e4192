# The chaos scenarios in short, on the real executables: a ctest entry for each broker queue.
foreach(QUEUE nats)
  add_test(NAME ${QUEUE}_chaos
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/chaos/chaos.py --quick
      --queue ${QUEUE})
  set_tests_properties(${QUEUE}_chaos PROPERTIES
    ENVIRONMENT MILLRACE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
    LABELS integration RUN_SERIAL TRUE TIMEOUT 300)
endforeach()
