// Package metrics writes CloudWatch metrics into a function's log, in the
// embedded metric format, from which CloudWatch takes them by itself: no request
// and no permission is needed.
//
// A metric costs what it costs for every combination of dimensions it has been
// seen with, so all of ours have one: the stack. Names of subscriptions and
// publishers are in the log.
package metrics

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// A Unit is one of CloudWatch's.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Percent      Unit = "Percent"
	Seconds      Unit = "Seconds"
	Milliseconds Unit = "Milliseconds"
	Bytes        Unit = "Bytes"
)

// A Metric is one value, of now.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64
}

// dimension is the name of the one dimension.
const dimension = "Stack"

// A Writer writes metrics of a stack. It may be used by many goroutines.
type Writer struct {
	mu        sync.Mutex
	w         io.Writer
	namespace string
	stack     string
}

// New returns a Writer to w, which in a function is the standard output.
func New(w io.Writer, namespace, stack string) *Writer {
	return &Writer{w: w, namespace: namespace, stack: stack}
}

// Put writes metrics, a hundred of them at the most, as one line. Of several with
// one name CloudWatch gets all values. Nothing is written for none.
func (w *Writer) Put(metrics ...Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	line, err := json.Marshal(w.document(metrics, time.Now()))
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// The format's own words
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
type (
	metadata struct {
		Timestamp         int64 // milliseconds
		CloudWatchMetrics []directive
	}
	directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	definition struct {
		Name string
		Unit Unit
	}
)

// document is the line of metrics.
func (w *Writer) document(metrics []Metric, now time.Time) map[string]any {
	doc := map[string]any{dimension: w.stack}
	values := map[string][]float64{}
	var definitions []definition
	for _, m := range metrics {
		if values[m.Name] == nil {
			definitions = append(definitions, definition{Name: m.Name, Unit: m.Unit})
		}
		values[m.Name] = append(values[m.Name], m.Value)
	}
	for name, all := range values {
		if doc[name] = all; len(all) == 1 {
			doc[name] = all[0]
		}
	}
	doc["_aws"] = metadata{
		Timestamp: now.UnixMilli(),
		CloudWatchMetrics: []directive{{
			Namespace: w.namespace, Dimensions: [][]string{{dimension}}, Metrics: definitions,
		}},
	}
	return doc
}
