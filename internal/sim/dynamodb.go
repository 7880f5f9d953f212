package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Table is a DynamoDB table. Its items have no secondary indexes, no streams and no time to live.
type Table struct {
	Name    string
	Key     string // name of its partition key
	KeyType string // S, N or B; default S
	SortKey string // name of its sort key, a string; "": none
	// Provisioned: it has a fixed throughput, so SetBucket throttles it with another error code than a table that is
	// billed on demand.
	Provisioned bool
}

// table is a Table with its items.
type table struct {
	Table
	items map[string]*history[item] // by key; a nil item is one that was deleted, or not there yet
}

// item is what a table keeps: attributes by their names.
type item map[string]tableValue

// AddTable adds a table, which is active at once.
func (r *Region) AddTable(spec Table) {
	r.lock()
	defer r.unlock()
	r.addTable(spec)
}

func (r *Region) addTable(spec Table) *table {
	spec.KeyType = cmp.Or(spec.KeyType, "S")
	t := &table{Table: spec, items: map[string]*history[item]{}}
	if r.tables == nil {
		r.tables = map[string]*table{}
	}
	r.tables[spec.Name] = t
	return t
}

// DeleteTable deletes a table with all its items, at once.
func (r *Region) DeleteTable(name string) {
	r.lock()
	defer r.unlock()
	r.mustTable(name)
	delete(r.tables, name)
}

// Item is the current item whose partition key has this value, in DynamoDB's JSON; "" if there is none.
func (r *Region) Item(table, key string) string {
	r.lock()
	defer r.unlock()
	t := r.mustTable(table)
	found := t.at(item{t.Key: {t.KeyType, key}}).current()
	if found == nil {
		return ""
	}
	text, err := json.Marshal(found)
	if err != nil {
		panic(fmt.Sprintf("sim: the item %q of table %q: %v", key, table, err))
	}
	return string(text)
}

// SetItem puts an item, given in DynamoDB's JSON, as somebody with the console does. It panics if DynamoDB would refuse
// the item.
func (r *Region) SetItem(table, text string) {
	r.lock()
	defer r.unlock()
	t := r.mustTable(table)
	var it item
	if err := json.Unmarshal([]byte(text), &it); err != nil {
		panic(fmt.Sprintf("sim: the item %s: %v", text, err))
	}
	if err := t.accepts(it); err != nil {
		panic(fmt.Sprintf("sim: the item %s: %v", text, err))
	}
	setNow(r, t.at(it), it)
}

// DeleteItem deletes the item whose partition key has this value, if there is one.
func (r *Region) DeleteItem(table, key string) {
	r.lock()
	defer r.unlock()
	t := r.mustTable(table)
	setNow(r, t.at(item{t.Key: {t.KeyType, key}}), nil)
}

func (r *Region) mustTable(name string) *table {
	t, ok := r.tables[name]
	if !ok {
		panic(fmt.Sprintf("sim: no table named %q", name))
	}
	return t
}

// tableARN is the ARN of a table, whether or not it exists.
func (r *Region) tableARN(name string) string { return r.arn("dynamodb", "table/"+name) }

// at is where a table keeps the item with the key of this one.
func (t *table) at(it item) *history[item] {
	key := it[t.Key].text()
	if t.SortKey != "" {
		key += "\x00" + it[t.SortKey].text()
	}
	if t.items[key] == nil {
		t.items[key] = &history[item]{}
	}
	return t.items[key]
}

// keyTypes are the attributes of the table's key, with their types.
func (t *table) keyTypes() map[string]string {
	types := map[string]string{t.Key: t.KeyType}
	if t.SortKey != "" {
		types[t.SortKey] = "S"
	}
	return types
}

// longestItem is the most that the names and values of an item may have, in bytes (Developer Guide, "Quotas in Amazon
// DynamoDB").
const longestItem = 400 << 10

// accepts refuses an item that DynamoDB would not store.
func (t *table) accepts(it item) error {
	types := t.keyTypes()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		switch have, ok := it[name]; {
		case !ok:
			return invalid("One or more parameter values were invalid: Missing the key %s in the item", name)
		case have.kind != types[name]:
			return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", name, types[name], have.kind)
		case have.value == "":
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", name)
		}
	}
	size := 0
	for name, value := range it {
		size += len(name) + value.size()
	}
	if size > longestItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// isKey refuses a key that is not exactly the table's.
func (t *table) isKey(key item) error {
	types := t.keyTypes()
	for name, kind := range types {
		if key[name].kind != kind {
			return invalid("The provided key element does not match the schema")
		}
	}
	if len(key) != len(types) {
		return invalid("The provided key element does not match the schema")
	}
	return nil
}
