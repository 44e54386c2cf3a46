// A reporter for Node's test runner: one JSON object a line for each test that ended.

export default async function* (events) {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const error = data.details?.error;
      const cause = error?.cause ?? error;
      const skipped = data.skip === undefined && data.todo === undefined ? null : String(data.skip || data.todo || "no reason given");
      const result = { name: data.name, passed: type === "test:pass", skipped, failure: type === "test:fail" ? String(cause?.stack ?? cause) : null };
      yield `${JSON.stringify(result)}\n`;
    }
  }
}
