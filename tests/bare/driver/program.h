#pragma once
// examples/edu/exercise.c, a program that uses /dev/edu, as a function: its open(), pread() and so on are the driver's files.
extern "C" int edu_exercise(void);
