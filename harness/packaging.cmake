# A Debian package: cmake --preset package, cmake --build --preset package --target occkit_package. It has the program,
# the cells of `occkit stall`, manual pages and completions made from its help, the experiments, and what draws figures.

add_custom_target(occkit_manual
  COMMAND ${PROJECT_SOURCE_DIR}/harness/scripts/manual.sh $<TARGET_FILE:occkit_program> ${PROJECT_BINARY_DIR}/manual
  COMMENT "Manual pages and completions"
  VERBATIM)
add_dependencies(occkit_manual occkit_program)

install(TARGETS occkit_program occkit_stall_cell COMPONENT program)
# There once occkit_manual was built.
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT program OPTIONAL)
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        COMPONENT program OPTIONAL)
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        COMPONENT program OPTIONAL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/harness/experiments DESTINATION ${CMAKE_INSTALL_DATADIR}/occkit
        COMPONENT program)
# What `occkit plot` runs, and the looks of strategies, in folders as in the tree: drawing.py finds the one by the other.
install(PROGRAMS ${PROJECT_SOURCE_DIR}/results/plot.py ${PROJECT_SOURCE_DIR}/results/plot_load.py
                 ${PROJECT_SOURCE_DIR}/results/plot_stall.py ${PROJECT_SOURCE_DIR}/results/plot_faults.py
        DESTINATION ${CMAKE_INSTALL_DATADIR}/occkit/results COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/results/drawing.py DESTINATION ${CMAKE_INSTALL_DATADIR}/occkit/results
        COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/harness/report/page/looks.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/occkit/harness/report/page COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME occkit)
set(CPACK_PACKAGE_VENDOR occkit)
set(CPACK_PACKAGE_CONTACT "occkit <occkit@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measures and checks update strategies under optimistic concurrency control")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "occkit holds versioned documents in memory under the rules of Elasticsearch's
optimistic concurrency control, measures interchangeable update strategies as
threads are added, proves after every interval that no update was lost, and
answers over HTTP as Elasticsearch does.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME occkit)
set(CPACK_DEBIAN_PROGRAM_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION devel)
# By dpkg-shlibdeps (dpkg-dev): what the program is linked with, in the versions that it needs.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "libjs-dygraphs, python3-matplotlib, python3-numpy")
include(CPack)

add_custom_target(occkit_package
  COMMAND ${CMAKE_COMMAND} -E echo "For processors with -march=${OCCKIT_ARCH}."
  COMMAND ${CMAKE_CPACK_COMMAND} --config ${PROJECT_BINARY_DIR}/CPackConfig.cmake
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
  COMMENT "A Debian package"
  VERBATIM)
add_dependencies(occkit_package occkit_program occkit_stall_cell occkit_manual)
