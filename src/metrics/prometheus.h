/* Metrics as Prometheus reads them: text format 0.0.4, # HELP and # TYPE once a name.
 *
 *     kb_prometheus_counters(out);                                       // KB_METRICS
 *     kb_prometheus_timings(out);                                        // KB_TIMINGS
 *     kb_prometheus_head(out, KB_VIEW_LAG);                              // KB_VIEWS: head, then
 *     kb_prometheus_sample(out, KB_VIEW_LAG, labels, 12);                // each sample
 *
 * Label values are given in the order of the row's label names and escaped here. Thread: any. */
#ifndef KB_METRICS_PROMETHEUS_H
#define KB_METRICS_PROMETHEUS_H

#include "base/buf.h"
#include "metrics/metrics.h"

#define KB_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void kb_prometheus_counters(struct kb_buf *out);
void kb_prometheus_timings(struct kb_buf *out);
void kb_prometheus_named(struct kb_buf *out); /* metrics/named.h; nothing where there is none */
void kb_prometheus_head(struct kb_buf *out, enum kb_view_row view);
/* `labels` has as many values as the row has label names; NULL where it has none. */
void kb_prometheus_sample(
    struct kb_buf *out, enum kb_view_row view, const char *const *labels, double value);

#endif
