"""kmem for Conan 2, from a tree that was unpacked from kmem-VERSION.tar.xz (tools/package tar):  conan create packaging/conan

The libraries need nothing, so it builds without a network; the program kmem (-o "kmem/*:with_tool=True") needs what requirements()
names.
"""
import pathlib
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class Kmem(ConanFile):
    name = "kmem"
    license = "MIT"
    description = "The Linux kernel's memory allocators, in user space"
    package_type = "shared-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_tool": [True, False]}
    default_options = {"with_tool": False}

    @property
    def top(self):
        return pathlib.Path(self.recipe_folder).parents[1]

    def set_version(self):
        text = (self.top / "include/kmem/version.h").read_text()
        self.version = re.search(r'KMEM_VERSION_STRING "(.*)"', text)[1]

    def export_sources(self):
        copy(self, "*", self.top, self.export_sources_folder, excludes=("build/*", ".git/*"))

    def requirements(self):
        if self.options.with_tool:
            for library in ("cli11/[>=2.3]", "fmt/[>=9 <12]", "nlohmann_json/[>=3.11]"):
                self.requires(library)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("KMEM_TESTS", "KMEM_BENCH", "KMEM_EXAMPLES"):
            toolchain.cache_variables[option] = False
        toolchain.cache_variables["KMEM_WITH_TOOL"] = bool(self.options.with_tool)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build(target="kmem_product")

    def package(self):
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_find_mode", "none")  # the package has kmemConfig.cmake
        self.cpp_info.builddirs = ["lib/cmake/kmem"]
        self.cpp_info.includedirs = [f"include/kmem-{self.version.split('.')[0]}"]
        self.cpp_info.libs = ["kmem"]
