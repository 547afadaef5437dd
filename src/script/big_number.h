/* A JSON number that no number of Lua can hold: more digits than 64 bits or a double have, or an
 * exponent beyond them. It keeps its digits: printed and assigned it is the text that it was;
 * compared or calculated with, it is the nearest float. `type` calls it a number.
 *
 * All inside protected calls. Thread: the state's. */
#ifndef KB_SCRIPT_BIG_NUMBER_H
#define KB_SCRIPT_BIG_NUMBER_H

#include "base/slice.h"

#include <lua.h>

/* Prepares a state. */
void kb_big_numbers_open(lua_State *L);
/* Is the float the same decimal as the JSON number, to the last digit? */
bool kb_is_same_decimal(struct kb_slice text, double number);
void kb_big_number_push(lua_State *L, struct kb_slice text);
/* The digits; false where the value is none of these. They live as long as the value. */
bool kb_big_number_text(lua_State *L, int index, struct kb_slice *out);

#endif
