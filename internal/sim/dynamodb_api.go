package sim

import (
	"cmp"
	"strings"
)

// tableRequest is the parameters of the requests that the Region serves. Pointers and nil maps are absent parameters.
type tableRequest struct {
	TableName                 string
	Key, Item                 item
	ConsistentRead            bool
	ConditionExpression       string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]tableValue
	ReturnConsumedCapacity    string

	// Of CreateTable. A billing mode other than PAY_PER_REQUEST is provisioned.
	AttributeDefinitions  []struct{ AttributeName, AttributeType string }
	KeySchema             []keyElement
	BillingMode           string
	ProvisionedThroughput *struct{ ReadCapacityUnits, WriteCapacityUnits int }
	SSESpecification      *struct{ Enabled bool }
	Tags                  []struct{ Key, Value string }
}

type keyElement struct{ AttributeName, KeyType string }

// tableOperation is an action of DynamoDB. It runs with the Region locked; what it returns is written as JSON.
type tableOperation func(*Region, *tableQuery) (any, error)

func tableOperations() map[string]tableOperation {
	return map[string]tableOperation{
		"GetItem":       (*Region).getItem,
		"PutItem":       (*Region).putItem,
		"CreateTable":   (*Region).createTable,
		"DescribeTable": (*Region).describeTable,
		"DeleteTable":   (*Region).deleteTable,
	}
}

// namedTable finds a table by its name or its ARN.
func (r *Region) namedTable(q *tableQuery) (*table, error) {
	name := q.params.TableName
	if name == "" {
		return nil, invalid("1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	}
	t, ok := r.tables[strings.TrimPrefix(name, r.tableARN(""))]
	switch {
	case !ok && strings.HasSuffix(q.action, "Table"):
		return nil, refusef("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
	case !ok:
		return nil, refusef("ResourceNotFoundException", "Requested resource not found")
	}
	return t, nil
}

// getItem answers with what was there a moment ago, unless a consistent read is asked for (Developer Guide, "DynamoDB
// read consistency").
func (r *Region) getItem(q *tableQuery) (any, error) {
	t, err := r.namedTable(q)
	if err != nil {
		return nil, err
	}
	if err := t.isKey(q.params.Key); err != nil {
		return nil, err
	}
	answer := map[string]any{}
	found, units := t.at(q.params.Key).current(), 1.0
	if !q.params.ConsistentRead {
		found, _ = t.at(q.params.Key).asOf(q.asOf)
		units = 0.5
	}
	if found != nil {
		answer["Item"] = found
	}
	return q.consumed(answer, t, units), nil
}

// putItem replaces the whole item where its condition is met.
func (r *Region) putItem(q *tableQuery) (any, error) {
	t, err := r.namedTable(q)
	if err != nil {
		return nil, err
	}
	if err := t.accepts(q.params.Item); err != nil {
		return nil, err
	}
	kept := t.at(q.params.Item)
	c := condition{item: kept.current(), names: q.params.ExpressionAttributeNames, values: q.params.ExpressionAttributeValues}
	met, err := c.evaluate(q.params.ConditionExpression)
	if err != nil {
		return nil, err
	}
	if !met {
		return nil, refusef("ConditionalCheckFailedException", "The conditional request failed")
	}
	setNow(r, kept, q.params.Item)
	return q.consumed(map[string]any{}, t, 1), nil
}

// consumed adds the ConsumedCapacity to an answer, if it was asked for.
func (q *tableQuery) consumed(answer map[string]any, t *table, units float64) map[string]any {
	if q.params.ReturnConsumedCapacity == "TOTAL" || q.params.ReturnConsumedCapacity == "INDEXES" {
		answer["ConsumedCapacity"] = map[string]any{"TableName": t.Name, "CapacityUnits": units}
	}
	return answer
}

func (r *Region) createTable(q *tableQuery) (any, error) {
	p := q.params
	if r.tables[p.TableName] != nil {
		return nil, refusef("ResourceInUseException", "Table already exists: %s", p.TableName)
	}
	spec := Table{Name: p.TableName, Provisioned: cmp.Or(p.BillingMode, "PROVISIONED") == "PROVISIONED"}
	types := map[string]string{}
	for _, d := range p.AttributeDefinitions {
		types[d.AttributeName] = d.AttributeType
	}
	for _, k := range p.KeySchema {
		if types[k.AttributeName] == "" {
			return nil, invalid("One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [%s]", k.AttributeName)
		}
		if k.KeyType == "HASH" {
			spec.Key, spec.KeyType = k.AttributeName, types[k.AttributeName]
		} else {
			spec.SortKey = k.AttributeName
		}
	}
	if spec.Name == "" || spec.Key == "" {
		return nil, invalid("1 validation error detected: Value '[]' at 'keySchema' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	return map[string]any{"TableDescription": r.describe(r.addTable(spec), "ACTIVE")}, nil
}

func (r *Region) describeTable(q *tableQuery) (any, error) {
	t, err := r.namedTable(q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Table": r.describe(t, "ACTIVE")}, nil
}

func (r *Region) deleteTable(q *tableQuery) (any, error) {
	t, err := r.namedTable(q)
	if err != nil {
		return nil, err
	}
	delete(r.tables, t.Name)
	return map[string]any{"TableDescription": r.describe(t, "DELETING")}, nil
}

func (r *Region) describe(t *table, status string) map[string]any {
	schema := []keyElement{{t.Key, "HASH"}}
	definitions := []map[string]string{{"AttributeName": t.Key, "AttributeType": t.KeyType}}
	if t.SortKey != "" {
		schema = append(schema, keyElement{t.SortKey, "RANGE"})
		definitions = append(definitions, map[string]string{"AttributeName": t.SortKey, "AttributeType": "S"})
	}
	d := map[string]any{
		"TableName": t.Name, "TableArn": r.tableARN(t.Name), "TableStatus": status, "KeySchema": schema, "AttributeDefinitions": definitions,
	}
	if !t.Provisioned {
		d["BillingModeSummary"] = map[string]string{"BillingMode": "PAY_PER_REQUEST"}
	}
	return d
}
