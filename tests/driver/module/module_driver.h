#pragma once
#ifdef __cplusplus
extern "C" {
#endif
struct module;
extern int order[32], nr_calls, fail_late, an_int, array[4], nr_array;
extern int early_number, late_number;
extern char late_text[16];
extern unsigned int a_uint;
extern unsigned char a_byte;
extern unsigned long long an_ullong;
extern bool a_bool, an_inverted;
extern char* a_charp;
extern char a_string[8];
int set_by_the_call(void);
int exported_number(void);
struct module* this_module(void);
#ifdef __cplusplus
}
#endif
