# Tests by glob; the head of the main CMakeLists.txt says what is found where.
find_package(PkgConfig REQUIRED)
pkg_check_modules(cmocka IMPORTED_TARGET cmocka)
# The system's own python3 first: pytest comes with it.
find_program(GATEHOUSE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(GATEHOUSE_PYTHON python3)

file(GLOB support CONFIGURE_DEPENDS tests/support/*.c)
add_library(gatehouse_test INTERFACE)
target_include_directories(gatehouse_test INTERFACE tests)
target_link_libraries(gatehouse_test INTERFACE gatehouse_core)
if(support)
	add_library(gatehouse_test_support STATIC ${support})
	target_include_directories(gatehouse_test_support PRIVATE tests)
	target_link_libraries(gatehouse_test_support PUBLIC gatehouse_core)
	target_link_libraries(gatehouse_test INTERFACE gatehouse_test_support)
endif()

# gh_test(name label command…)
function(gh_test name label)
	add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
	set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()

# --- units and modules --------------------------------------------------------------------

if(cmocka_FOUND)
	file(GLOB_RECURSE units CONFIGURE_DEPENDS tests/unit/test_*.c)
	file(GLOB modules CONFIGURE_DEPENDS tests/modules/test_*.c)
	foreach(file ${units} ${modules} ${extra_tests})
		file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${file})
		string(REGEX REPLACE "^(tests|examples)/|test_|\\.c$" "" name ${path})
		string(REGEX REPLACE "^(\\.\\./)+" "" name ${name})
		string(REGEX REPLACE "[/.]" "-" target "test-${name}")
		add_executable(${target} ${file})
		target_link_libraries(${target} PRIVATE gatehouse_test PkgConfig::cmocka)
		gh_test(${name} unit ${target})
	endforeach()
else()
	message(WARNING "no cmocka, so no unit tests: run ./dev deps")
endif()

# --- fuzz targets -------------------------------------------------------------------------

file(GLOB targets CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(file ${targets})
	get_filename_component(target ${file} NAME_WE)
	string(REGEX REPLACE "^fuzz_" "" name ${target})
	set(corpus ${CMAKE_CURRENT_LIST_DIR}/fuzz/corpus/${name})
	if(GATEHOUSE_SANITIZE MATCHES "fuzzer")
		add_executable(${target} ${file})
		target_link_options(${target} PRIVATE -fsanitize=fuzzer)
		gh_test(fuzz/${name} fuzz ${target} -runs=0 ${corpus})
	else()
		add_executable(${target} ${file} tests/fuzz/replay.c)
		gh_test(fuzz/${name} fuzz ${target} ${corpus})
	endif()
	target_link_libraries(${target} PRIVATE gatehouse_test)
endforeach()

# --- wire cases and whole journeys --------------------------------------------------------

if(TARGET gatehouse AND GATEHOUSE_PYTHON)
	execute_process(COMMAND ${GATEHOUSE_PYTHON} -c "import pytest" ERROR_QUIET
		RESULT_VARIABLE failed)
	if(failed)
		message(WARNING "no pytest, so neither wire nor e2e tests: run ./dev deps")
	else()
		file(GLOB pytests CONFIGURE_DEPENDS tests/wire/test_*.py tests/e2e/test_*.py
			examples/*/test_*.py)
		foreach(file ${pytests})
			file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${file})
			string(REGEX REPLACE "^(tests|examples)/|test_|\\.py$" "" name ${path})
			get_filename_component(label ${name} DIRECTORY)
			gh_test(${name} ${label} ${GATEHOUSE_PYTHON} -m pytest -q -p no:cacheprovider ${file})
			set(environment GATEHOUSE=$<TARGET_FILE:gatehouse> PYTHONDONTWRITEBYTECODE=1
				PYTHONPATH=${CMAKE_CURRENT_LIST_DIR})
			if(TARGET gatehouse-demo-model)
				list(APPEND environment GATEHOUSE_DEMO_MODEL=$<TARGET_FILE:gatehouse-demo-model>)
			endif()
			set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}")
			# A file that measures says so: then nothing else runs beside it.
			file(STRINGS ${file} serial REGEX "^# ctest: serial")
			if(serial)
				set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
			endif()
		endforeach()
	endif()
endif()

# --- bench --------------------------------------------------------------------------------

file(GLOB benches CONFIGURE_DEPENDS tests/bench/bench_*.c)
foreach(file ${benches})
	get_filename_component(target ${file} NAME_WE)
	add_executable(${target} ${file})
	target_link_libraries(${target} PRIVATE gatehouse_test)
endforeach()
