// As much of GraphQL as the emulated hosts need: operations with variables, aliases, arguments,
// inline and named fragments. A schema is { Type: { field: { type, resolve } } }; `resolve` gets
// (value, arguments) and may be left out where the value has a member of that name. A field without
// a type is a scalar. What a schema does not have is an error in the words of the real hosts.

export class GraphqlError extends Error {
  constructor(message, more = {}) {
    super(message);
    this.more = more;
  }
}

// Answers { data } or { data, errors } or { errors }.
export async function execute(schema, { query, variables = {} }, root = {}) {
  let operation;
  let fragments;
  try {
    ({ operation, fragments } = parse(query));
    check(schema, "Query", operation.fields, fragments, ["query"]);
  } catch (error) {
    if (!(error instanceof GraphqlError)) throw error;
    return { errors: [{ ...error.more, message: error.message }] };
  }
  const errors = [];
  const values = { ...operation.defaults, ...variables };
  const data = await select(schema, "Query", root, operation.fields, { fragments, values, errors, path: [] });
  return errors.length ? { data, errors } : { data };
}

async function select(schema, type, value, fields, at) {
  const result = {};
  const wanted = flatten(schema, type, fields, at.fragments);
  await Promise.all(
    wanted.map(async (field) => {
      const path = [...at.path, field.as];
      // Keys in the order of the query, whoever answers first.
      result[field.as] = null;
      if (field.name === "__typename") {
        result[field.as] = type;
        return;
      }
      const { type: inner, resolve } = schema[type][field.name];
      const args = evaluate(field.args, at.values);
      try {
        const found = resolve ? await resolve(value, args) : value[field.name];
        result[field.as] = await shape(schema, inner, found, field.fields, { ...at, path });
      } catch (error) {
        if (!(error instanceof GraphqlError)) throw error;
        at.errors.push({ ...error.more, path, locations: [field.location], message: error.message });
      }
    }),
  );
  return result;
}

async function shape(schema, type, found, fields, at) {
  if (found === null || found === undefined) return null;
  if (!type) return found;
  if (Array.isArray(found)) {
    return Promise.all(found.map((one, i) => shape(schema, type, one, fields, { ...at, path: [...at.path, i] })));
  }
  return select(schema, found.__typename ?? type, found, fields, at);
}

// The fields for a value of this type, those of fragments included.
function flatten(schema, type, fields, fragments) {
  return fields.flatMap((field) => {
    if (field.spread) field = fragments[field.spread];
    if (!field.on && !field.fields) return [field];
    if (field.name) return [field];
    const fits = !field.on || field.on === type || schema[field.on]?.__possible?.includes(type);
    return fits ? flatten(schema, type, field.fields, fragments) : [];
  });
}

function check(schema, type, fields, fragments, path) {
  for (let field of fields) {
    if (field.spread) {
      if (!fragments[field.spread]) throw new GraphqlError(`Fragment ${field.spread} was used, but not defined`);
      field = fragments[field.spread];
    }
    if (!field.name) {
      check(schema, field.on ?? type, field.fields, fragments, [...path, `... on ${field.on}`]);
      continue;
    }
    if (field.name === "__typename") continue;
    const known = schema[type]?.[field.name];
    const at = { path: [...path, field.as], locations: [field.location] };
    if (!known) {
      const extensions = { code: "undefinedField", typeName: type, fieldName: field.name };
      throw new GraphqlError(`Field '${field.name}' doesn't exist on type '${type}'`, { ...at, extensions });
    }
    if (known.type && !field.fields) {
      const message = `Field must have selections (field '${field.name}' returns ${known.type} but has no selections. Did you mean '${field.name} { ... }'?)`;
      throw new GraphqlError(message, { ...at, extensions: { code: "selectionMismatch" } });
    }
    if (!known.type && field.fields) {
      const message = `Selections can't be made on scalars (field '${field.name}' has selections)`;
      throw new GraphqlError(message, { ...at, extensions: { code: "selectionMismatch" } });
    }
    if (field.fields) check(schema, known.type, field.fields, fragments, at.path);
  }
}

function evaluate(value, variables) {
  if (value?.variable) return variables[value.variable];
  if (Array.isArray(value)) return value.map((one) => evaluate(one, variables));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, evaluate(one, variables)]));
  }
  return value;
}

const TOKEN =
  /[\s,\uFEFF]+|#[^\n]*|(\.\.\.|[!$&()=:@[\]{}|])|("""[\s\S]*?"""|"(?:\\.|[^"\\\n])*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([_A-Za-z]\w*)/y;

function parse(text) {
  if (typeof text !== "string") throw new GraphqlError("A query attribute must be specified and must be a string.");
  const tokens = [];
  TOKEN.lastIndex = 0;
  let line = 1;
  let start = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new GraphqlError(`Parse error on ${JSON.stringify(text[from])} at [${line}, ${from - start + 1}]`);
    const [whole, mark, string, number, name] = match;
    const location = { line, column: from - start + 1 };
    if (mark) tokens.push({ mark, location });
    else if (string) tokens.push({ string: unquote(string), location });
    else if (number) tokens.push({ number: Number(number), location });
    else if (name) tokens.push({ name, location });
    for (let i = 0; i < whole.length; i++) {
      if (whole[i] === "\n") {
        line++;
        start = from + i + 1;
      }
    }
  }
  return new Parser(tokens).document();
}

function unquote(text) {
  if (text.startsWith('"""')) return text.slice(3, -3).trim();
  return JSON.parse(text);
}

class Parser {
  constructor(tokens) {
    this.tokens = tokens;
    this.at = 0;
  }

  document() {
    const fragments = {};
    let operation;
    while (this.at < this.tokens.length) {
      if (this.eat("name", "fragment")) {
        const name = this.take("name");
        this.expect("name", "on");
        const on = this.take("name");
        fragments[name] = { on, fields: this.selections() };
        continue;
      }
      let defaults = {};
      if (this.tokens[this.at].name) {
        const kind = this.take("name");
        if (kind !== "query") throw new GraphqlError(`the emulator knows no ${kind}`);
        if (this.tokens[this.at]?.name) this.take("name");
        if (this.eat("mark", "(")) defaults = this.definitions();
      }
      operation ??= { fields: this.selections(), defaults };
    }
    if (!operation) throw new GraphqlError("No query string was present");
    return { operation, fragments };
  }

  definitions() {
    const defaults = {};
    while (!this.eat("mark", ")")) {
      this.expect("mark", "$");
      const name = this.take("name");
      this.expect("mark", ":");
      while (["name", "mark"].some((kind) => this.tokens[this.at]?.[kind] && !["$", ")", "="].includes(this.tokens[this.at][kind]))) this.at++;
      if (this.eat("mark", "=")) defaults[name] = this.value();
    }
    return defaults;
  }

  selections() {
    this.expect("mark", "{");
    const fields = [];
    while (!this.eat("mark", "}")) fields.push(this.selection());
    return fields;
  }

  selection() {
    if (this.eat("mark", "...")) {
      if (this.eat("name", "on")) return { on: this.take("name"), fields: this.selections() };
      if (this.tokens[this.at]?.mark === "{") return { fields: this.selections() };
      return { spread: this.take("name") };
    }
    const { location } = this.tokens[this.at] ?? {};
    let name = this.take("name");
    let as = name;
    if (this.eat("mark", ":")) name = this.take("name");
    const args = {};
    if (this.eat("mark", "(")) {
      while (!this.eat("mark", ")")) {
        const argument = this.take("name");
        this.expect("mark", ":");
        args[argument] = this.value();
      }
    }
    const fields = this.tokens[this.at]?.mark === "{" ? this.selections() : undefined;
    return { name, as, args, fields, location };
  }

  value() {
    const token = this.tokens[this.at++] ?? {};
    if (token.string !== undefined) return token.string;
    if (token.number !== undefined) return token.number;
    if (token.name) return { true: true, false: false, null: null }[token.name] ?? (token.name === "null" ? null : token.name);
    if (token.mark === "$") return { variable: this.take("name") };
    if (token.mark === "[") {
      const list = [];
      while (!this.eat("mark", "]")) list.push(this.value());
      return list;
    }
    if (token.mark === "{") {
      const object = {};
      while (!this.eat("mark", "}")) {
        const name = this.take("name");
        this.expect("mark", ":");
        object[name] = this.value();
      }
      return object;
    }
    return this.fail(token);
  }

  eat(kind, value) {
    if (this.tokens[this.at]?.[kind] !== value) return false;
    this.at++;
    return true;
  }

  expect(kind, value) {
    if (!this.eat(kind, value)) this.fail(this.tokens[this.at]);
  }

  take(kind) {
    const token = this.tokens[this.at++];
    if (token?.[kind] === undefined) this.fail(token);
    return token[kind];
  }

  fail(token) {
    if (!token?.location) throw new GraphqlError("Expected a name, but the query ended");
    const { line, column } = token.location;
    const what = token.name ?? token.mark ?? token.string ?? token.number;
    throw new GraphqlError(`Parse error on ${JSON.stringify(String(what))} at [${line}, ${column}]`, {
      locations: [token.location],
    });
  }
}
