package sim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

// tableCall sends one request to DynamoDB. An error is its type without the namespace, a colon and its message.
func tableCall(t *testing.T, client *http.Client, action, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.APIEndpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+action)
	resp, err := client.Do(req)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return string(text)
	}
	var f struct {
		Type    string `json:"__type"`
		Message string // in either case, as DynamoDB itself writes it
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return resp.Status
	}
	_, code, _ := strings.Cut(f.Type, "#")
	return code + ": " + f.Message
}

// tables runs a test against a Region with a table of locks.
func tables(t *testing.T, cfg sim.Config, test func(r *sim.Region, call func(action, body string) string)) {
	t.Helper()
	inBubble(t, cfg, func(t *testing.T, r *sim.Region) {
		r.AddTable(sim.Table{Name: "locks", Key: "group"})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		test(r, func(action, body string) string { return tableCall(t, client, action, body) })
	})
}

func TestRequestsToDynamoDB(t *testing.T) {
	tables(t, sim.Config{}, func(r *sim.Region, call func(action, body string) string) {
		r.AddTable(sim.Table{Name: "numbered", Key: "group", KeyType: "N"})
		r.AddTable(sim.Table{Name: "sorted", Key: "group", SortKey: "at"})
		const web, put = `"Key":{"group":{"S":"web"}}`, `{"TableName":"locks","Item":{"group":{"S":"web"},"version":{"S":"1"},"n":{"N":"1.0"}}`
		for _, c := range []struct{ action, body, want string }{
			{"GetItem", `{"TableName":"locks",` + web + `}`, `{}`},
			{"GetItem", `{"TableName":"locks","ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL",` + web + `}`, `{"ConsumedCapacity":{"CapacityUnits":1,"TableName":"locks"}}`},
			{"PutItem", put + `,"ConditionExpression":"attribute_not_exists(#g)","ExpressionAttributeNames":{"#g":"group"}}`, `{}`},
			{"PutItem", put + `,"ConditionExpression":"attribute_not_exists(#g)","ExpressionAttributeNames":{"#g":"group"}}`, "ConditionalCheckFailedException: The conditional request failed"},
			{"GetItem", `{"TableName":"locks","ConsistentRead":true,` + web + `}`, `{"Item":{"group":{"S":"web"},"n":{"N":"1.0"},"version":{"S":"1"}}}`},
			{"GetItem", `{"TableName":"arn:aws:dynamodb:eu-west-1:123456789012:table/locks",` + web + `,"ConsistentRead":true}`, `{"Item":{"group":{"S":"web"},"n":{"N":"1.0"},"version":{"S":"1"}}}`},

			{"GetItem", `{"TableName":"none",` + web + `}`, "ResourceNotFoundException: Requested resource not found"},
			{"GetItem", `{` + web + `}`, "ValidationException: 1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"},
			{"GetItem", `{"TableName":"locks","Key":{"id":{"S":"web"}}}`, "ValidationException: The provided key element does not match the schema"},
			{"GetItem", `{"TableName":"numbered",` + web + `}`, "ValidationException: The provided key element does not match the schema"},
			{"GetItem", `{"TableName":"sorted",` + web + `}`, "ValidationException: The provided key element does not match the schema"},
			{"PutItem", `{"TableName":"sorted","Item":{"group":{"S":"web"}}}`, "ValidationException: One or more parameter values were invalid: Missing the key at in the item"},
			{"PutItem", `{"TableName":"numbered","Item":{"group":{"S":"web"}}}`, "ValidationException: One or more parameter values were invalid: Type mismatch for key group expected: N actual: S"},
			{"PutItem", `{"TableName":"locks","Item":{"group":{"S":""}}}`, "ValidationException: One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: group"},
			{"PutItem", `{"TableName":"locks","Item":{"group":{"S":"web"},"x":{"S":"` + strings.Repeat("x", 400<<10) + `"}}}`, "ValidationException: Item size has exceeded the maximum allowed size"},
			{"PutItem", `{"TableName":"locks","Item":{"group":{"S":"web"},"x":{"N":"many"}}}`, `SerializationException: the number "many" cannot be converted to a numeric value`},
			{"PutItem", `{"TableName":"locks","Item":{"group":{"S":"web","N":"1"}}}`, "SerializationException: an attribute value has exactly one type"},
			{"PutItem", put + `,"ReturnValues":"ALL_OLD"}`, `SerializationException: json: unknown field "ReturnValues"`},
			{"Scan", `{"TableName":"locks"}`, "UnknownOperationException: "},
			{"DescribeTable", `{"TableName":"none"}`, "ResourceNotFoundException: Requested resource not found: Table: none not found"},
		} {
			if got := call(c.action, c.body); got != c.want {
				t.Errorf("%s %.150s answers\n %s\nwant\n %s", c.action, c.body, got, c.want)
			}
		}
	})
}

func TestConditions(t *testing.T) {
	for expression, want := range map[string]string{
		"":          "{}",
		"#v = :one": "{}", "#v <> :one": failed, "#v = :two": failed, "version = :one": "{}",
		"#n = :n": "{}", "#m = :m": "{}", "#none = :one": failed, "#none <> :one": "{}",
		"attribute_exists(#v)": "{}", "attribute_not_exists(#v)": failed, "attribute_not_exists(#none)": "{}",
		"attribute_not_exists(#none) AND #v = :one": "{}", "attribute_exists(#none) or #v = :one": "{}",
		"attribute_exists(#none) OR #v = :one AND #v = :two": failed, "(attribute_not_exists(#none) OR #v = :one) AND #v = :two": failed,
		"NOT #v = :two": "{}", "NOT (#v = :two OR #v = :one)": failed,
		"group = :one":      "ValidationException: Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: group",
		"#undefined = :one": "ValidationException: Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #undefined",
		"#v = :undefined":   "ValidationException: Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :undefined",
		"#v = ":             `ValidationException: Invalid ConditionExpression: Syntax error; token: "<EOF>", near: ""`,
		"#v > :one":         `ValidationException: Invalid ConditionExpression: Syntax error; token: ">", near: "> :one"`,
		"#v = :one)":        `ValidationException: Invalid ConditionExpression: Syntax error; token: ")", near: ")"`,
	} {
		tables(t, sim.Config{}, func(r *sim.Region, call func(action, body string) string) {
			r.SetItem("locks", `{"group":{"S":"web"},"version":{"S":"1"},"n":{"N":"10"},"m":{"M":{"a":{"SS":["x","y"]}}}}`)
			names, values := map[string]string{}, map[string]any{}
			for name, attribute := range map[string]string{"#v": "version", "#n": "n", "#m": "m", "#none": "none"} {
				if strings.Contains(expression, name+" ") || strings.Contains(expression, name+")") {
					names[name] = attribute
				}
			}
			for value, text := range map[string]string{":one": `{"S":"1"}`, ":two": `{"S":"2"}`, ":n": `{"N":"1e1"}`, ":m": `{"M":{"a":{"SS":["y","x"]}}}`} {
				if strings.Contains(expression, value) {
					values[value] = json.RawMessage(text)
				}
			}
			params := map[string]any{
				"TableName": "locks", "Item": json.RawMessage(`{"group":{"S":"web"}}`), "ExpressionAttributeNames": names, "ExpressionAttributeValues": values,
			}
			if expression != "" {
				params["ConditionExpression"] = expression
			}
			body, err := json.Marshal(params)
			if err != nil {
				t.Fatal(err)
			}
			if got := call("PutItem", string(body)); got != want {
				t.Errorf("%q\n %s, want\n %s", expression, got, want)
			}
		})
	}
	tables(t, sim.Config{}, func(_ *sim.Region, call func(action, body string) string) {
		got := call("PutItem", `{"TableName":"locks","Item":{"group":{"S":"web"}},"ConditionExpression":"attribute_not_exists(#g)","ExpressionAttributeNames":{"#g":"group","#h":"holders"}}`)
		if want := "ValidationException: Value provided in ExpressionAttributeNames unused in expressions: keys: {#h}"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

const failed = "ConditionalCheckFailedException: The conditional request failed"

func TestOnlyConsistentReadsOfATableDoNotLag(t *testing.T) {
	tables(t, sim.Config{MaxLag: time.Minute}, func(r *sim.Region, call func(action, body string) string) {
		r.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 30 * time.Second} })
		read := func(consistent string) string {
			return call("GetItem", `{"TableName":"locks","Key":{"group":{"S":"web"}},"ConsistentRead":`+consistent+`}`)
		}
		pass(time.Minute)
		r.SetItem("locks", `{"group":{"S":"web"}}`)
		if old, young := read("false"), read("true"); old != "{}" || young != `{"Item":{"group":{"S":"web"}}}` {
			t.Errorf("right after the write an eventually consistent read has %s, a consistent one %s", old, young)
		}
		pass(31 * time.Second)
		r.DeleteItem("locks", "web")
		if old, young := read("false"), read("true"); old != `{"Item":{"group":{"S":"web"}}}` || young != "{}" {
			t.Errorf("right after the deletion an eventually consistent read has %s, a consistent one %s", old, young)
		}
	})
}

func TestWhatGoesWrongWithATable(t *testing.T) {
	const get, put = `{"TableName":"locks","Key":{"group":{"S":"web"}}}`, `{"TableName":"locks","Item":{"group":{"S":"web"}},"ConditionExpression":"attribute_not_exists(#g)","ExpressionAttributeNames":{"#g":"group"}}`
	const there = `{"group":{"S":"web"}}`
	for name, c := range map[string]struct {
		arrange      func(*sim.Region)
		action, body string
		want, item   string
	}{
		"a lost reply": {fault(sim.Fault{LoseReply: true}), "PutItem", put, "no answer", there},
		"a reset":      {fault(sim.Fault{Reset: true}), "PutItem", put, "no answer", ""},
		"a request delivered twice is answered for the second": {fault(sim.Fault{Twice: true}), "PutItem", put, failed, there},
		"a proxy":              {fault(sim.Fault{Answer: sim.Distortion{ProxyStatus: 502}}), "PutItem", put, "502 Bad Gateway", ""},
		"an empty body":        {fault(sim.Fault{Answer: sim.Distortion{EmptyBody: true}}), "PutItem", put, "", there},
		"an error of our own":  {fault(sim.Fault{Status: 500, Code: "InternalServerError", Message: "Internal server error"}), "PutItem", put, "InternalServerError: Internal server error", ""},
		"throttled by the API": {fault(*sim.Throttled()), "GetItem", get, "ThrottlingException: Rate exceeded", ""},
		"denied": {
			func(r *sim.Region) { r.Deny("dynamodb:PutItem") }, "PutItem", put,
			"AccessDeniedException: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: dynamodb:PutItem on resource: " +
				"arn:aws:dynamodb:eu-west-1:123456789012:table/locks because no identity-based policy allows the dynamodb:PutItem action", "",
		},
		"throttled on demand": {
			func(r *sim.Region) { r.SetBucket("dynamodb", 0, 0) }, "GetItem", get,
			"ThrottlingException: Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.", "",
		},
		"throttled where provisioned": {
			func(r *sim.Region) {
				r.DeleteTable("locks")
				r.AddTable(sim.Table{Name: "locks", Key: "group", Provisioned: true})
				r.SetBucket("dynamodb", 0, 0)
			}, "GetItem", get,
			"ProvisionedThroughputExceededException: The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tables(t, sim.Config{}, func(r *sim.Region, call func(action, body string) string) {
				c.arrange(r)
				if got := call(c.action, c.body); got != c.want {
					t.Errorf("%s\nwant %s", got, c.want)
				}
				if got := r.Item("locks", "web"); got != c.item {
					t.Errorf("the item is %q, want %q", got, c.item)
				}
				if calls := r.Calls(); calls[len(calls)-1].Service != "dynamodb" || calls[0].Params.Get("TableName") != "locks" {
					t.Errorf("recorded as %+v", calls)
				}
			})
		})
	}
}

func fault(f sim.Fault) func(*sim.Region) {
	return func(r *sim.Region) { r.SetFaults(func(sim.Call) *sim.Fault { return &f }) }
}

func TestAWSCLIAndATable(t *testing.T) {
	r := sim.New(sim.Config{})
	id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
	aws := newCLI(t, r, id)
	named, key := []string{"--table-name", "locks"}, []string{"--key", `{"group":{"S":"web"}}`}
	aws.want("TableDescription.TableStatus", "ACTIVE", append([]string{
		"dynamodb", "create-table", "--billing-mode", "PAY_PER_REQUEST",
		"--attribute-definitions", "AttributeName=group,AttributeType=S", "--key-schema", "AttributeName=group,KeyType=HASH",
	}, named...)...)
	r.SetItem("locks", `{"group":{"S":"web"},"version":{"S":"1"}}`)
	aws.want("Item.version.S", "1", append(append([]string{"dynamodb", "get-item"}, named...), key...)...)
	_, refusal := aws.run(append([]string{
		"dynamodb", "put-item", "--item", `{"group":{"S":"web"}}`, "--condition-expression", "version = :v", "--expression-attribute-values", `{":v":{"S":"2"}}`,
	}, named...)...)
	if want := "An error occurred (ConditionalCheckFailedException) when calling the PutItem operation: The conditional request failed"; refusal != want {
		t.Errorf("%s, want %s", refusal, want)
	}
}

// boto3TableScript tries what a lock needs of a table. It prints one JSON object.
const boto3TableScript = `
import boto3, json
db = boto3.client("dynamodb", region_name="eu-west-1")
db.create_table(TableName="locks", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "group", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "group", "AttributeType": "S"}])
key = {"group": {"S": "web"}}
absent = db.get_item(TableName="locks", Key=key, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
first = db.put_item(TableName="locks", Item={**key, "version": {"S": "1"}, "holders": {"M": {"i-1": {"S": "now"}}}}, ReturnConsumedCapacity="TOTAL",
    ConditionExpression="attribute_not_exists(#g)", ExpressionAttributeNames={"#g": "group"})
def refused(call, **params):
    try:
        call(**params)
    except db.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
answers = {
    "absent": [absent.get("Item"), absent["ConsumedCapacity"]["CapacityUnits"]], "written": first["ConsumedCapacity"]["TableName"],
    "read": db.get_item(TableName="locks", Key=key, ConsistentRead=True)["Item"]["holders"],
    "conflict": refused(db.put_item, TableName="locks", Item=key, ConditionExpression="#v = :v", ExpressionAttributeNames={"#v": "version"},
        ExpressionAttributeValues={":v": {"S": "2"}}),
    "reserved": refused(db.put_item, TableName="locks", Item=key, ConditionExpression="attribute_exists(group)"),
    "wrong key": refused(db.get_item, TableName="locks", Key={"id": {"S": "web"}}),
}
schema = db.describe_table(TableName="locks")["Table"]["KeySchema"]
deleting = db.delete_table(TableName="locks")["TableDescription"]["TableName"]
answers["no table"] = refused(db.get_item, TableName="locks", Key=key)
print(json.dumps({**answers, "schema": schema, "deleting": deleting}))
`

// TestBoto3AndATable: moto's DynamoDB gives the same answers, but for 0.5 as the capacity of a consistent read.
func TestBoto3AndATable(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import boto3").Run()
	}
	if err != nil {
		t.Skipf("no Python with boto3: %v", err)
	}
	want := map[string]any{
		"absent": []any{nil, 1.0}, "written": "locks", "read": map[string]any{"M": map[string]any{"i-1": map[string]any{"S": "now"}}},
		"conflict": "ConditionalCheckFailedException", "reserved": "ValidationException", "wrong key": "ValidationException", "no table": "ResourceNotFoundException",
		"schema": []any{map[string]any{"AttributeName": "group", "KeyType": "HASH"}}, "deleting": "locks",
	}
	region := httptest.NewServer(sim.New(sim.Config{}).Handler())
	t.Cleanup(region.Close)
	cmd := exec.CommandContext(t.Context(), python, "-c", boto3TableScript)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + region.URL, "AWS_MAX_ATTEMPTS=1",
		"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what boto3 reads (-want +got):\n%s", diff)
	}
}
