package connection

import (
	"encoding/json"
	"fmt"
	"strings"
)

// account is what the account of a connection is asked for.
type account struct {
	Connection
	principal string   // who takes the role
	buckets   []string // of data exports
}

// statement is one of IAM's, as JSON.
type statement struct {
	Sid       string
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

// document writes a policy as IAM takes it.
func document(all ...statement) string {
	b, err := json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", all}, "", "  ")
	if err != nil {
		panic(err) // strings alone
	}
	return string(b)
}

// trust is who may take the role, and how.
func (a account) trust() string {
	return document(statement{Sid: "TenantryWithExternalId", Effect: "Allow", Principal: map[string]string{"AWS": a.principal},
		Action: []string{"sts:AssumeRole"}, Condition: map[string]map[string]string{"StringEquals": {"sts:ExternalId": a.ExternalID}}})
}

// permissions is what the role allows.
func (a account) permissions() string {
	var all []statement
	for _, u := range uses {
		all = append(all, statement{Sid: u.sid, Effect: "Allow", Action: actionsFor(u.use), Resource: []string{"*"}})
	}
	if len(a.buckets) > 0 {
		list := statement{Sid: "ExportList", Effect: "Allow", Action: []string{"s3:ListBucket"}}
		read := statement{Sid: "ExportRead", Effect: "Allow", Action: []string{"s3:GetObject"}}
		for _, bucket := range a.buckets {
			arn := "arn:" + a.Partition + ":s3:::" + bucket
			list.Resource, read.Resource = append(list.Resource, arn), append(read.Resource, arn+"/*")
		}
		all = append(all, list, read)
	}
	return document(all...)
}

// template is the CloudFormation template of the role, filled in.
func (a account) template() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, templateHead, quoted(a.ExternalID), quoted(a.principal), quoted(RolePath))
	for _, u := range uses {
		fmt.Fprintf(&b, "              - Sid: %s\n                Effect: Allow\n                Action:\n", u.sid)
		for _, action := range Actions() {
			if action.Use == u.use {
				fmt.Fprintf(&b, "                  - %s # %s\n", quoted(action.Name), action.Reason)
			}
		}
		b.WriteString("                Resource: \"*\" # " + resourceReason + "\n")
	}
	if len(a.buckets) > 0 {
		b.WriteString(a.exportStatements())
	}
	b.WriteString(templateTail)
	return []byte(b.String())
}

// exportStatements allows what lies in the buckets of exports to be listed and read.
func (a account) exportStatements() string {
	var list, read strings.Builder
	for _, bucket := range a.buckets {
		fmt.Fprintf(&list, "                  - !Sub \"arn:${AWS::Partition}:s3:::%s\"\n", bucket)
		fmt.Fprintf(&read, "                  - !Sub \"arn:${AWS::Partition}:s3:::%s/*\" # files have names that AWS gives them\n", bucket)
	}
	const statement = "              - Sid: %s\n                Effect: Allow\n                Action: %s # %s\n                Resource:\n%s"
	return fmt.Sprintf(statement, "ExportList", "s3:ListBucket", "finds the files of data exports", list.String()) +
		fmt.Sprintf(statement, "ExportRead", "s3:GetObject", "reads them", read.String())
}

// quoted writes a text in quotes, which YAML reads as JSON does.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

const resourceReason = "AWS demands * of actions that list; of the others every one of the account is read"

const templateHead = `AWSTemplateFormatVersion: "2010-09-09"
Description: Lets Tenantry read costs, resources and metrics of this account, and change nothing.

Parameters:
  ExternalId:
    Type: String
    Default: %s
    AllowedPattern: "^[A-Za-z0-9_+=,.@:/-]{2,1224}$"
    Description: Of your connection alone. Leave it as it is.
  Principal:
    Type: String
    Default: %s
    AllowedPattern: "^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/.+)$"
    Description: Who takes the role. Leave it as it is.

Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: %s # the only one below which Tenantry may take roles
      Description: Read by Tenantry. Delete the stack to end that.
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: TenantryWithExternalId
            Effect: Allow
            Principal:
              AWS: !Ref Principal
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId: !Ref ExternalId
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
`

const templateTail = `
Outputs:
  RoleArn:
    Description: Give this to Tenantry as roleArn of the connection.
    Value: !GetAtt Role.Arn
`
