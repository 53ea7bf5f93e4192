# gRPC with what it needs, as the interface library grpc_libraries. With MILLRACE_STATIC_GRPC it goes
# into the executable, which then has only the part of it that is used: an image is 4 MB smaller.
option(MILLRACE_STATIC_GRPC "Link gRPC and Abseil statically" OFF)

set(SUFFIXES ${CMAKE_FIND_LIBRARY_SUFFIXES})
if(MILLRACE_STATIC_GRPC)
  list(PREPEND CMAKE_FIND_LIBRARY_SUFFIXES .a)
  pkg_check_modules(GRPC_WHOLE REQUIRED grpc++)
  set(ARCHIVES)
  foreach(NAME grpc++_reflection ${GRPC_WHOLE_STATIC_LIBRARIES})
    # What other parts use too remains shared.
    if(NAME MATCHES "^(grpc|gpr|upb|re2|address_sorting|absl_)")
      find_library(GRPC_ARCHIVE_${NAME} ${NAME} REQUIRED)
      list(APPEND ARCHIVES ${GRPC_ARCHIVE_${NAME}})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES ARCHIVES)
  add_library(grpc_libraries INTERFACE)
  target_link_libraries(grpc_libraries INTERFACE
    -Wl,--gc-sections -Wl,--start-group ${ARCHIVES} -Wl,--end-group cares ssl crypto z)
else()
  pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
  add_library(grpc_libraries INTERFACE)
  target_link_libraries(grpc_libraries INTERFACE grpc++_reflection PkgConfig::GRPC absl_synchronization)
endif()
set(CMAKE_FIND_LIBRARY_SUFFIXES ${SUFFIXES})
