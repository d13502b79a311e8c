/** Bytes into lines, lines into server-sent events. No I/O. */

/** Cuts chunks, which may end anywhere, also inside a character, into lines. */
export class Lines {
  private readonly decoder = new TextDecoder("utf-8");
  private parts: string[] = [];

  /** The lines that are complete with this chunk. */
  *feed(chunk: Uint8Array): Generator<string> {
    const pieces = this.decoder.decode(chunk, { stream: true }).split("\n");
    const rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.parts.push(piece);
      yield this.take();
    }
    if (rest !== "") this.parts.push(rest);
  }

  /** What came after the last line end. */
  rest(): string {
    this.parts.push(this.decoder.decode());
    return this.take();
  }

  private take(): string {
    const line = this.parts.join("");
    this.parts = [];
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}

/** A server-sent event. */
export interface Message {
  event: string;
  /** Empty where none was sent. */
  id: string;
  data: string;
}

/** Makes server-sent events of lines. */
export class Messages {
  private event = "";
  /** It stays until another comes. */
  private id = "";
  private data: string[] = [];

  /** The event that this line completes. */
  feed(line: string): Message | undefined {
    if (line === "") {
      const data = this.data.join("\n");
      const message = { event: this.event || "message", id: this.id, data };
      const some = this.data.length > 0;
      this.event = "";
      this.data = [];
      return some ? message : undefined;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "id") this.id = value;
    else if (name === "data") this.data.push(value);
    return undefined;
  }
}
