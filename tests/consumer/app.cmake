find_package(occkit REQUIRED)
target_link_libraries(app PRIVATE occkit::occkit)
