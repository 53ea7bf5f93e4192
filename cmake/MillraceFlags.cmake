# Flags of all our targets, as the interface library millrace_flags. Generated code gets them without
# the warnings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(millrace_flags INTERFACE)
target_include_directories(millrace_flags INTERFACE ${CMAKE_SOURCE_DIR}/internal)
target_compile_definitions(millrace_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_compile_options(millrace_flags INTERFACE
  -fstack-protector-strong -fcf-protection -fno-plt)
# An executable names the libraries that it uses, not all that some room of its app uses.
target_link_options(millrace_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
if(NOT MILLRACE_SANITIZE)
  target_compile_definitions(millrace_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
endif()
include(CheckPIESupported)
check_pie_supported()

find_program(MOLD mold)
if(MOLD AND NOT MILLRACE_FUZZ)
  target_link_options(millrace_flags INTERFACE -fuse-ld=mold)
endif()

if(MILLRACE_SANITIZE)
  target_compile_options(millrace_flags INTERFACE
    -fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(millrace_flags INTERFACE -fsanitize=${MILLRACE_SANITIZE})
  if(MILLRACE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has fences, which the sanitizer doesn't see, beside the locks, which it does.
    target_compile_options(millrace_flags INTERFACE -Wno-tsan)
  endif()
endif()
if(MILLRACE_FUZZ)
  # Coverage feedback from the rooms' code; tests/fuzz links the fuzzer itself.
  target_compile_options(millrace_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MILLRACE_COVERAGE)
  target_compile_options(millrace_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(millrace_flags INTERFACE --coverage)
endif()

add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(millrace_warnings INTERFACE -Wthread-safety)
endif()
