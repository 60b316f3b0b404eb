# SPDX-License-Identifier: GPL-2.0
# SLOWCLOSE_VERSION: that of the project and, of a checkout between two releases, the commit: so an
# update is one for apt and rpm, and a rollout can be told from the one before. It sorts after the plain
# version, which is therefore raised by the commit that gets the next tag, and not before.
set(SLOWCLOSE_VERSION ${PROJECT_VERSION})
find_package(Git QUIET)
# The source may lie in a checkout of something else.
if(NOT Git_FOUND OR NOT EXISTS ${PROJECT_SOURCE_DIR}/.git)
	return()
endif()

# Who builds as root trusts the checkout, whoever owns it.
function(ask_git answer)
	execute_process(COMMAND ${GIT_EXECUTABLE} -c safe.directory=* ${ARGN}
		WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE output
		OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
	set(${answer} "${output}" PARENT_SCOPE)
endfunction()

ask_git(tag tag --points-at HEAD --list v${PROJECT_VERSION})
ask_git(count rev-list --count HEAD)
ask_git(hash rev-parse --short=8 HEAD)
if(NOT tag AND count AND hash)
	string(APPEND SLOWCLOSE_VERSION +git${count}.${hash})
endif()
