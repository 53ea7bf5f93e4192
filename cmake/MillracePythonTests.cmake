# millrace_python_tests(PREFIX MODULE...): PREFIX_MODULE for each test_MODULE.py of this folder, which
# may use the modules of bench/report.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

function(millrace_python_tests PREFIX)
  foreach(MODULE IN LISTS ARGN)
    add_test(NAME ${PREFIX}_${MODULE}
      COMMAND ${Python3_EXECUTABLE} -B -m unittest -v test_${MODULE}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${PREFIX}_${MODULE} PROPERTIES
      ENVIRONMENT PYTHONPATH=${CMAKE_SOURCE_DIR}/bench/report LABELS unit TIMEOUT 60)
  endforeach()
endfunction()
