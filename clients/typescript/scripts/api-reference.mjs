// Generates API.md from the doc comments of the built package: `UPDATE_DOCS=1 npm test` writes it,
// `npm test` checks that it is up to date.
import { fileURLToPath } from "node:url";

import ts from "typescript";

const INDEX = fileURLToPath(new URL("../dist/esm/index.d.ts", import.meta.url));

const INTRODUCTION = `# API reference

Generated from the doc comments of the package; do not edit. See the [README](README.md) for examples.

Methods that send one request return an \`APIPromise\`, and lists a \`PagePromise\`. All times are milliseconds, and points in time are a \`Date\`.`;

/** Returns the text of the page. */
export function generateReference() {
  const program = ts.createProgram([INDEX], {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
  });
  const checker = program.getTypeChecker();
  const declarations = collectExports(checker, program.getSourceFile(INDEX));
  const client = declarations.get("Client");
  const groups = resourcesOf(client).map(([name, type]) => [name, declarations.get(type)]);
  const parts = [INTRODUCTION, ...clientSection(client)];
  for (const [name, resource] of groups) parts.push(...resourceSection(name, resource));

  const documented = new Set([client, ...groups.map(([, resource]) => resource)]);
  const rest = [...declarations].filter(([, declaration]) => !documented.has(declaration));
  const isError = ([name]) => name.endsWith("Error");
  const isClass = ([, declaration]) => ts.isClassDeclaration(declaration);
  const named = rest.filter(([name]) => !name.includes("."));
  parts.push("## Classes and functions");
  for (const [name, declaration] of named.filter((one) => isCallable(one[1]) && !isError(one))) {
    parts.push(...classSection(name, declaration));
  }
  parts.push("## Errors", errorTable(named.filter(isError)));
  parts.push("## Types");
  const types = rest.filter((one) => !isClass(one) && !isCallable(one[1]));
  for (const [name, declaration] of types.sort(byName))
    parts.push(...typeSection(name, declaration));
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

const isCallable = (declaration) =>
  ts.isClassDeclaration(declaration) || ts.isFunctionDeclaration(declaration);

const byName = ([left], [right]) => left.localeCompare(right, "en");

/** The exported declarations by name; those of the namespaces are `vellum.NAME`, `dataflow.NAME`. */
function collectExports(checker, source) {
  const found = new Map();
  const add = (symbol, prefix) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const [declaration] = target.declarations ?? [];
    if (!declaration) return;
    if (ts.isSourceFile(declaration)) {
      // The types of definitions are documented by the step types of the server.
      if (symbol.name === "definitions") return;
      for (const one of checker.getExportsOfModule(target)) add(one, `${symbol.name}.`);
    } else found.set(prefix + symbol.name, declaration);
  };
  const module = checker.getSymbolAtLocation(source);
  for (const symbol of checker.getExportsOfModule(module)) add(symbol, "");
  return found;
}

/** The groups of calls: properties of the client whose type is a class. */
function resourcesOf(client) {
  return client.members
    .filter((member) => ts.isPropertyDeclaration(member) && !isInternal(member))
    .map((member) => [member.name.getText(), member.type.getText()]);
}

function clientSection(client) {
  const groups = client.members.filter((one) => ts.isPropertyDeclaration(one) && !isInternal(one));
  const rows = groups.map((member) => [`\`client.${member.name.getText()}\``, oneLine(member)]);
  return [
    "## Client",
    comment(client),
    code(
      client.members
        .filter(ts.isConstructorDeclaration)[0]
        .getText()
        .replace("constructor", "new Client"),
    ),
    ...client.members.filter(isPublicMethod).flatMap((method) => methodSection("client", method)),
    table(["", ""], rows),
  ];
}

function resourceSection(name, resource) {
  const methods = resource.members.filter(isPublicMethod);
  return [
    `## client.${name}`,
    comment(resource),
    ...methods.flatMap((method) => methodSection(name, method)),
  ];
}

function methodSection(owner, method) {
  const parameters = method.parameters.map(
    (one) => one.name.getText() + (one.questionToken ? "?" : ""),
  );
  const heading = `### \`${owner}.${method.name.getText()}(${parameters.join(", ")})\``;
  return [heading, comment(method), code(signature(method))];
}

function classSection(name, declaration) {
  const heading = `### \`${name}\``;
  if (ts.isFunctionDeclaration(declaration)) {
    return [
      heading,
      comment(declaration),
      code(declaration.getText().replace(/^export declare /, "")),
    ];
  }
  const members = declaration.members.filter((one) => isPublicMethod(one) || isPublicProperty(one));
  const rows = members.map((one) => [
    `\`${signature(one).replace(/^readonly /, "")}\``,
    oneLine(one),
  ]);
  return [heading, comment(declaration), extended(declaration), table(["member", ""], rows)];
}

function errorTable(errors) {
  const rows = errors.map(([name, declaration]) => {
    const fields = declaration.members
      .filter(isPublicProperty)
      .map((one) => `\`${one.name.getText()}\``);
    return [
      `\`${name}\``,
      parentOf(declaration),
      fields.join(", "),
      comment(declaration).replaceAll("\n", " "),
    ];
  });
  return table(["class", "extends", "fields", ""], rows);
}

function typeSection(name, declaration) {
  const heading = `### \`${name}\``;
  if (!ts.isInterfaceDeclaration(declaration)) {
    return [
      heading,
      comment(declaration),
      code(declaration.getText().replace(/^export (declare )?/, "")),
    ];
  }
  const rows = declaration.members.map((member) => {
    const mark = member.questionToken ? "?" : "";
    return [`\`${member.name.getText()}${mark}\``, `\`${typeText(member.type)}\``, oneLine(member)];
  });
  return [heading, comment(declaration), extended(declaration), table(["field", "type", ""], rows)];
}

/** A type in one line, without `undefined`, which the `?` of an optional field says. */
const typeText = (type) =>
  type
    .getText()
    .replace(/\/\*\*.*?\*\//gs, "")
    .replace(/\s+/g, " ")
    .replace(/ \| undefined$/, "");

function extended(declaration) {
  const parents = parentOf(declaration);
  return parents && `Also has the members of ${parents}.`;
}

/** The extended types, without classes that are not exported. */
function parentOf({ heritageClauses = [] }) {
  return heritageClauses
    .filter(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
    .flatMap(({ types }) => types.map((type) => type.getText()))
    .filter((name) => !["Resource", "EventBase"].includes(name))
    .map((name) => `\`${name}\``)
    .join(", ");
}

const isInternal = (member) =>
  ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "internal") ||
  (ts.getCombinedModifierFlags(member) &
    (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !==
    0;

const isPublicMethod = (member) =>
  ts.isMethodDeclaration(member) &&
  ts.isIdentifier(member.name) &&
  !isInternal(member) &&
  !["toJSON", "toString"].includes(member.name.text);

const isPublicProperty = (member) =>
  (ts.isPropertyDeclaration(member) || ts.isGetAccessorDeclaration(member)) &&
  ts.isIdentifier(member.name) &&
  !isInternal(member) &&
  !(ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static);

const signature = (member) =>
  withoutPrefixes(member.getText().replace(/;$/, "").replace(/\s+/g, " "));

const comment = (node) =>
  ts
    .getJSDocCommentsAndTags(node)
    .filter(ts.isJSDoc)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "")
    .join("\n\n")
    .replace(/([^\n])\n(?!\n)/g, "$1 ");

const oneLine = (node) => comment(node).replace(/\s*\n\s*/g, " ");

/** The modules import their types under these names. */
const PREFIXES = { e: "", w: "", s: "", v: "vellum.", m: "dataflow." };

const withoutPrefixes = (text) =>
  text.replace(/\b([ewsvm])\.(?=[A-Z])/g, (_, prefix) => PREFIXES[prefix]);

const code = (text) => `\`\`\`ts\n${text.replace(/;$/, "")}\n\`\`\``;

function table(header, rows) {
  if (rows.length === 0) return "";
  const escape = (cell) => cell.replaceAll("|", "\\|");
  const line = (cells) => `| ${cells.map(escape).join(" | ")} |`;
  return [line(header), `|${header.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
