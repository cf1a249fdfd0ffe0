package stack

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

// A grant is a person's click: a few at a time are plenty, and whoever sends
// more is not one.
const (
	callsPerSecond = 10
	callsAtOnce    = 20
	// Nobody has to be known to say that an app was removed: a flood of that must
	// not keep people from granting access.
	hintsPerSecond = 1
	hintsAtOnce    = 5
)

// The addresses of the callback.
const (
	callbackPath  = "/oauth/callback"
	uninstallPath = "/oauth/uninstall"
)

// An api is the function that takes the OAuth callback, and its address.
type api struct {
	function function
}

// newCallback adds it for the clients that use OAuth.
func newCallback(d *drawing, clients []string) api {
	scope := d.group("Callback")
	fn := newFunction(d, scope, functionProps{
		kind:        Callback,
		name:        d.Name.CallbackFunction(),
		description: "Takes Intercom's answer when somebody grants access",
		timeout:     callbackTimeout,
		memory:      callbackMemory,
	})
	var apps, tokens []*string
	for _, client := range clients {
		apps = append(apps, d.secretARN(d.Name.App(client)))
		tokens = append(tokens, d.secretARN(d.Name.Token(client)))
	}
	fn.role.allow("Apps", []string{"secretsmanager:GetSecretValue"}, apps...)
	fn.role.allow("Tokens", []string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"}, tokens...)
	fn.role.wildcard(secretSuffix, secretReason)
	grantPause(d, fn.role, clients...)

	http := awsapigatewayv2.NewCfnApi(scope, jsii.String("Api"), &awsapigatewayv2.CfnApiProps{
		Name:         jsii.String(string(d.Name)),
		Description:  jsii.String("Where Intercom sends people who have granted access"),
		ProtocolType: jsii.String("HTTP"),
	})
	integration := awsapigatewayv2.NewCfnIntegration(scope, jsii.String("Integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId:                http.Ref(),
		IntegrationType:      jsii.String("AWS_PROXY"),
		IntegrationUri:       fn.lambda.AttrArn(),
		PayloadFormatVersion: jsii.String("2.0"),
	})
	var routes []awsapigatewayv2.CfnRoute
	for _, r := range []struct{ id, method, path, reason string }{
		{"Grant", "GET", callbackPath, "A person comes here from Intercom, with a state that this stack has issued and that is good once."},
		{"Uninstall", "POST", uninstallPath, "Intercom signs nothing here, so a call is a hint: only a token that Intercom refuses is given up."},
	} {
		route := awsapigatewayv2.NewCfnRoute(scope, jsii.String(r.id+"Route"), &awsapigatewayv2.CfnRouteProps{
			ApiId:             http.Ref(),
			RouteKey:          jsii.String(r.method + " " + r.path),
			AuthorizationType: jsii.String("NONE"),
			Target:            awscdk.Fn_Join(jsii.String("/"), &[]*string{jsii.String("integrations"), integration.Ref()}),
		})
		suppress(route, "AwsSolutions-APIG4", r.reason)
		routes = append(routes, route)
		awslambda.NewCfnPermission(scope, jsii.String(r.id+"Permission"), &awslambda.CfnPermissionProps{
			Action:       jsii.String("lambda:InvokeFunction"),
			FunctionName: fn.lambda.AttrArn(),
			Principal:    jsii.String("apigateway.amazonaws.com"),
			SourceArn: d.stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("execute-api"), Resource: http.Ref(), ResourceName: jsii.String("*/" + r.method + r.path),
			}),
		})
	}
	newStage(d, http, routes)
	d.output(names.OutputCallback,
		awscdk.Fn_Join(jsii.String(""), &[]*string{http.AttrApiEndpoint(), jsii.String(callbackPath)}),
		"The redirect URL of the OAuth app")
	return api{fn}
}

// newStage puts the API on the air, throttled and logged.
func newStage(d *drawing, http awsapigatewayv2.CfnApi, routes []awsapigatewayv2.CfnRoute) {
	scope := d.group("Callback", "Access")
	// Groups of this name need no policy of their own for API Gateway to write.
	logs := newLogGroup(d, scope, "/aws/vendedlogs/apis/"+string(d.Name))
	format, _ := json.Marshal(map[string]string{ // strings only: it cannot fail
		"time": "$context.requestTime", "request_id": "$context.requestId", "route": "$context.routeKey",
		"status": "$context.status", "bytes": "$context.responseLength", "took_ms": "$context.responseLatency",
		"error": "$context.error.message", "function_error": "$context.integrationErrorMessage",
		// Never the path with its query: it has the code of the grant.
	})
	stage := awsapigatewayv2.NewCfnStage(d.group("Callback"), jsii.String("Stage"), &awsapigatewayv2.CfnStageProps{
		ApiId:      http.Ref(),
		StageName:  jsii.String("$default"),
		AutoDeploy: true,
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: logs.AttrArn(), Format: jsii.String(string(format)),
		},
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingRateLimit: jsii.Number(callsPerSecond), ThrottlingBurstLimit: jsii.Number(callsAtOnce),
		},
		// It is passed on as it is, in CloudFormation's words.
		RouteSettings: map[string]any{"POST " + uninstallPath: map[string]any{
			"ThrottlingRateLimit": hintsPerSecond, "ThrottlingBurstLimit": hintsAtOnce,
		}},
	})
	for _, route := range routes {
		stage.AddDependency(route) // a stage has no settings for a route that is not there
	}
}
