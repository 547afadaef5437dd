/* What an Ably capability lets one publish to: {"orders:*":["publish"],"*":["subscribe"]}. Pure.
 *
 *     const struct kb_json_node *capability = kb_json_tree(text, &arena, &err);
 *     kb_capability_publishes(capability, KB_S("orders:"), false)  // to something that begins so?
 *     kb_capability_publishes(capability, KB_S("orders:7"), true)  // to that channel?
 *
 * A resource names one channel, or with a star at its end all that begin so; what stands before it
 * in brackets is looked past ("[meta]", "[*]"). An operation is "publish", or a star. */
#ifndef KB_CLI_CAPABILITY_H
#define KB_CLI_CAPABILITY_H

#include "value/json_tree.h"

bool kb_capability_publishes(
    const struct kb_json_node *capability, struct kb_slice channel, bool whole);

#endif
