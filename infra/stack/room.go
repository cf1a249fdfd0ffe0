package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
)

// MaxResources is how many CloudFormation takes in a stack.
const MaxResources = 500

// A density is how closely a stack is drawn. What takes less room holds nothing,
// so it may change from one deployment to the next.
type density int

const (
	// spacious gives each queue and each function an alarm of its own, which says
	// where to look.
	spacious density = iota
	// shared lets an alarm look at up to ten of them together.
	shared
	// nested moves the schedules into a stack within the stack, which is slower to
	// deploy.
	nested
)

// Draw draws a stack and writes its template to outdir, "" for where the CDK's
// command says. It draws more closely only where the stack has no room else.
func Draw(outdir string, s Settings) (Template, error) {
	var t Template
	for _, density := range []density{spacious, shared, nested} {
		s.density = density
		app := NewApp(outdir, nil)
		stack := New(app, s)
		if density < nested && resources(stack)+policies > MaxResources {
			continue
		}
		var err error
		if t, err = Synth(app, stack); err != nil {
			return Template{}, err
		}
		if t.fits() {
			return t, nil
		}
	}
	return Template{}, tooLarge(string(s.Name), t)
}

// policies is how many more there may be once the templates are written: what is
// too long for a role becomes policies of its own then.
const policies = 8

// resources is how many a drawn stack has.
func resources(stack awscdk.Stack) int {
	n := 0
	for _, c := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if *awscdk.CfnResource_IsCfnResource(c) {
			n++
		}
	}
	return n
}

// Synth writes the templates of an app with this stack, and returns the stack's.
func Synth(app awscdk.App, stack awscdk.Stack) (Template, error) {
	folder := *app.Synth(nil).Directory()
	t, err := read(filepath.Join(folder, *stack.TemplateFile()))
	if err != nil {
		return Template{}, err
	}
	inner, err := filepath.Glob(filepath.Join(folder, "*.nested.template.json"))
	if err != nil {
		return Template{}, err
	}
	for _, path := range inner {
		n, err := read(path)
		if err != nil {
			return Template{}, err
		}
		t.Nested = append(t.Nested, n)
	}
	return t, nil
}

func read(path string) (Template, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Template{}, err
	}
	var t Template
	if err := json.Unmarshal(data, &t); err != nil {
		return Template{}, fmt.Errorf("read the template: %w", err)
	}
	return t, nil
}

// A Template is what CloudFormation gets.
type Template struct {
	Resources map[string]Resource `json:"Resources"`
	Outputs   map[string]any      `json:"Outputs"`
	Nested    []Template          `json:"-"` // the stacks within the stack
}

// fits says whether CloudFormation takes all of it.
func (t Template) fits() bool {
	return len(t.Resources) <= MaxResources && !slices.ContainsFunc(t.Nested, func(n Template) bool { return !n.fits() })
}

// A Resource is one of a template's.
type Resource struct {
	Type                string         `json:"Type"`
	Properties          map[string]any `json:"Properties"`
	DependsOn           any            `json:"DependsOn"`
	DeletionPolicy      string         `json:"DeletionPolicy"`
	UpdateReplacePolicy string         `json:"UpdateReplacePolicy"`
	Metadata            map[string]any `json:"Metadata"`
}

// tooLarge says how to make two stacks of one.
func tooLarge(name string, t Template) error {
	counts := map[string]int{}
	for _, r := range t.Resources {
		counts[r.Type]++
	}
	types := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(types, func(a, b string) int { return counts[b] - counts[a] })
	var most []string
	for _, t := range types[:min(4, len(types))] {
		most = append(most, fmt.Sprintf("%d %s", counts[t], strings.TrimPrefix(t, "AWS::")))
	}
	return fmt.Errorf("the stack %s would have %d resources, and CloudFormation takes %d (most are %s). "+
		"Split the configuration: move some subscriptions and publishers, best all of one client, to a second file, and deploy that as a stack of its own with "+
		"`cdk deploy -c config=second.yaml -c stack=%s-2`. See \"Splitting a stack\" in docs/operations.md",
		name, len(t.Resources), MaxResources, strings.Join(most, ", "), name)
}
