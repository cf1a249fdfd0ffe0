package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// A role is what somebody may do. Each of its statements has a name that
// docs/security.md explains.
type role struct{ role awsiam.Role }

// newRole adds a role that only that service may take on, under conditions.
func newRole(scope constructs.Construct, id, service string, conditions map[string]any) role {
	var options *awsiam.ServicePrincipalOpts
	if conditions != nil {
		options = &awsiam.ServicePrincipalOpts{Conditions: &conditions}
	}
	return role{awsiam.NewRole(scope, &id, &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(&service, options)})}
}

func (r role) arn() *string { return r.role.RoleArn() }

// policy is what somebody has to wait for who needs the role's permissions when
// it is made: the role itself is there before they are.
func (r role) policy() constructs.IConstruct {
	return r.role.Node().FindChild(jsii.String("DefaultPolicy"))
}

// unlinted switches a rule of cfn-lint off for the role's permissions.
func (r role) unlinted(rule string) {
	policy := r.policy().Node().DefaultChild().(awsiam.CfnPolicy)
	policy.AddMetadata(jsii.String("cfn-lint"), map[string]any{"config": map[string]any{"ignore_checks": []string{rule}}})
}

// allow adds a statement. One without resources would mean nothing: it is left
// out.
func (r role) allow(sid string, actions []string, resources ...*string) {
	r.allowIf(sid, nil, actions, resources...)
}

// allowIf adds a statement that holds under conditions.
func (r role) allowIf(sid string, conditions map[string]any, actions []string, resources ...*string) {
	if len(resources) == 0 {
		return
	}
	props := &awsiam.PolicyStatementProps{Sid: &sid, Actions: jsii.Strings(actions...), Resources: &resources}
	if conditions != nil {
		props.Conditions = &conditions
	}
	r.role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(props))
}

// wildcard says why a statement added before has resources with a wildcard:
// those that end in what matches pattern.
func (r role) wildcard(pattern, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(r.role, &[]*cdknag.NagPackSuppression{{
		Id: jsii.String("AwsSolutions-IAM5"), Reason: &reason,
		AppliesTo: &[]any{&cdknag.RegexAppliesTo{Regex: jsii.String("/" + pattern + "$/")}},
	}}, jsii.Bool(true))
}

// suppress says why a rule of cdk-nag does not hold for a construct and what is
// below it. docs/security.md lists them.
func suppress(construct constructs.IConstruct, rule, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &[]*cdknag.NagPackSuppression{{
		Id: &rule, Reason: &reason,
	}}, jsii.Bool(true))
}
