# millrace_room(NAME SOURCES a.cpp ... [DEPS other_room lib ...])
# A room of internal/ as the static library millrace_NAME. Tests beside the sources go to
# millrace_test. DEPS name rooms and libraries; scripts/checks/layers holds the rooms' arrows.
function(millrace_room NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(millrace_${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(millrace_${NAME} PUBLIC millrace_flags ${ARG_DEPS}
    PRIVATE $<BUILD_INTERFACE:millrace_warnings>)
endfunction()

# millrace_test(NAME SOURCES a_test.cpp ... [DEPS ...] [TIMEOUT seconds] [LABELS ...])
# One Catch2 executable, one ctest entry; nothing without MILLRACE_TESTS.
function(millrace_test NAME)
  if(NOT MILLRACE_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE millrace_catch_main millrace_flags millrace_warnings
    ${ARG_DEPS})
  add_test(NAME ${NAME} COMMAND ${NAME})
  set_tests_properties(${NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "unit;${ARG_LABELS}")
endfunction()
