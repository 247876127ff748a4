/** What is read of an OpenAPI document, as far as the page that shows it needs it. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  example?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  description?: string;
  required?: boolean;
  schema?: Schema;
}

interface Described {
  description?: string;
  content?: Record<string, { schema?: Schema }>;
}

export interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: Described;
  responses?: Record<string, Described>;
}

export interface Document {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Route {
  method: string;
  path: string;
  about: Operation;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The routes by their first tag, in the order in which they are told. */
export function groups(document: Document): [string, Route[]][] {
  const found = new Map<string, Route[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const about = item[method];
      if (!about) continue;
      const tag = about.tags?.[0] ?? '';
      found.set(tag, [...(found.get(tag) ?? []), { method: method.toUpperCase(), path, about }]);
    }
  }
  return [...found];
}

/** What a reference leads to. */
export function resolved(document: Document, schema: Schema | undefined): Schema {
  const name = schema?.$ref?.split('/').pop();
  return name === undefined ? (schema ?? {}) : (document.components?.schemas?.[name] ?? {});
}

/** The one that says something, of several that may hold. */
function meant(document: Document, schema: Schema | undefined): Schema {
  const found = resolved(document, schema);
  const some = (found.oneOf ?? found.anyOf)?.find((one) => one.type !== 'null');
  if (some) return meant(document, some);
  if (!found.allOf) return found;
  const parts = found.allOf.map((one) => meant(document, one));
  return { ...found, type: 'object', properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})) };
}

/** The kind of value in a word or two. */
export function kind(document: Document, schema: Schema | undefined): string {
  const found = meant(document, schema);
  const types = [found.type ?? 'any'].flat().filter((type) => type !== 'null');
  if (types[0] === 'array') return `${kind(document, found.items)}[]`;
  return found.enum ? found.enum.map(String).join(' | ') : types.join(' | ');
}

/** The fields of an object. */
export function fields(document: Document, schema: Schema | undefined): [string, Schema, boolean][] {
  const found = meant(document, schema);
  const object = found.items ? meant(document, found.items) : found;
  return Object.entries(object.properties ?? {}).map(([name, field]) => [name, field, object.required?.includes(name) ?? false]);
}

/** What could be sent: the examples of the document, and else something of the kind. */
export function example(document: Document, schema: Schema | undefined, depth = 0): unknown {
  const found = meant(document, schema);
  const given = found.example ?? found.examples?.[0] ?? found.const ?? found.enum?.[0];
  if (given !== undefined) return given;
  if (depth > 4) return null;
  const type = [found.type ?? 'object'].flat().find((type) => type !== 'null');
  switch (type) {
    case 'array':
      return [example(document, found.items, depth + 1)];
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default: {
      // What need not be sent is left to whoever reads the fields below, unless the document has an example of it.
      const wanted = fields(document, found).filter(([, field, needed]) => needed || field.example !== undefined);
      return Object.fromEntries(wanted.map(([name, field]) => [name, example(document, field, depth + 1)]));
    }
  }
}
