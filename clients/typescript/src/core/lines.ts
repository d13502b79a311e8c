/** Splits bytes into lines and parses server-sent events. No I/O. */

/** Splits chunks, whose ends are arbitrary (also inside of a character), into lines. */
export class LineSplitter {
  private readonly decoder = new TextDecoder("utf-8");
  private parts: string[] = [];

  /** The lines that this chunk completes. */
  *feed(chunk: Uint8Array): Generator<string> {
    const pieces = this.decoder.decode(chunk, { stream: true }).split("\n");
    const remainder = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.parts.push(piece);
      yield this.joinParts();
    }
    if (remainder !== "") this.parts.push(remainder);
  }

  /** The text after the last line end. */
  flush(): string {
    this.parts.push(this.decoder.decode());
    return this.joinParts();
  }

  private joinParts(): string {
    const line = this.parts.join("");
    this.parts = [];
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}

/** A server-sent event. */
export interface ServerSentEvent {
  event: string;
  /** Empty if the server sent none. */
  id: string;
  data: string;
}

/** Parses lines into server-sent events. */
export class EventParser {
  private event = "";
  /** Kept until the server sends another. */
  private id = "";
  private data: string[] = [];

  /** The event that this line completes. */
  feed(line: string): ServerSentEvent | undefined {
    if (line === "") {
      const hasData = this.data.length > 0;
      const message = { event: this.event || "message", id: this.id, data: this.data.join("\n") };
      this.event = "";
      this.data = [];
      return hasData ? message : undefined;
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
