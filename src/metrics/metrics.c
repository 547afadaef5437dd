/* The table of metrics and its values; see metrics.h. */
#include "metrics/metrics.h"

const struct kb_metric_row kb_metric_rows[KB_METRIC_COUNT] = {
#define X(id, kind, name, labels, help) [KB_METRIC_##id] = {kind, name, labels, help},
    KB_METRICS(X)
#undef X
};

_Atomic uint64_t kb_metric_values[KB_METRIC_COUNT];
