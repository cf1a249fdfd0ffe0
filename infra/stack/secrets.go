package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"intercom-connector/internal/config"
)

// secrets are those of a client. The stack makes them empty: no value is ever
// in a template.
type secrets struct {
	token awssecretsmanager.CfnSecret
	app   awssecretsmanager.CfnSecret // nil without OAuth
}

func newSecrets(d *drawing) map[string]secrets {
	made := map[string]secrets{}
	for _, name := range clients(d.Config) {
		add := func(id, secret, description string) awssecretsmanager.CfnSecret {
			s := awssecretsmanager.NewCfnSecret(d.group("Clients", name), &id, &awssecretsmanager.CfnSecretProps{
				Name: &secret, Description: &description,
			})
			s.ApplyRemovalPolicy(d.keep(), nil)
			suppress(s, "AwsSolutions-SMG4", "Intercom's tokens and app secrets do not expire and cannot be rotated by a program.")
			return s
		}
		stack := " --stack " + string(d.Name)
		if d.Config.Clients[name].Auth.Type != config.OAuth {
			made[name] = secrets{token: add("Token", d.Name.Token(name), "Intercom's access token. Set it with: connector token "+name+stack)}
			continue
		}
		made[name] = secrets{
			token: add("Token", d.Name.Token(name), "Intercom's access token. Get one with: connector grant "+name+stack),
			app:   add("App", d.Name.App(name), "The OAuth app's client id and secret. Set them with: connector app "+name+stack),
		}
	}
	return made
}

// Why secretARN has a wildcard.
const (
	secretSuffix = `-\?{6}`
	secretReason = "Secrets Manager ends an ARN in a dash and six characters of its own."
)

// secretARN matches the ARN of a secret by its name: Secrets Manager adds a dash
// and six characters.
func (d *drawing) secretARN(name string) *string {
	return d.arn("secretsmanager", "secret", name+"-??????")
}
