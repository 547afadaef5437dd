/* null_value = function(record): what becomes of a record whose value is null. */
#ifndef KB_ROUTE_NULL_VALUE_H
#define KB_ROUTE_NULL_VALUE_H

#include "route/rules.h"

/* For the record that the hooks have begun. nil is "publish". False: KB_ERR_RECORD of class hook,
 * also where it says "dlq" and there is no dead-letter topic. */
bool kb_null_value_ask(struct kb_hooks *hooks, const struct kb_rules *rules,
    enum kb_null_value *out, struct kb_err *err) KB_MUST_CHECK;

#endif
