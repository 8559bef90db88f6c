/** Remembers the events of one session; ids count up, so that two equal sessions have equal ids. */
export class CountingEventStore<Message> {
  readonly #events: { readonly id: string; readonly streamId: string; readonly message: Message }[] = [];

  storeEvent(streamId: string, message: Message): Promise<string> {
    const id = `e-${this.#events.length + 1}`;
    this.#events.push({ id, streamId, message });
    return Promise.resolve(id);
  }

  getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return Promise.resolve(this.#events.find(({ id }) => id === eventId)?.streamId);
  }

  /** What came after this event in its own stream; an empty message only primed the client. */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: Message) => Promise<void> },
  ): Promise<string> {
    const at = this.#events.findIndex(({ id }) => id === lastEventId);
    const streamId = this.#events[at]?.streamId ?? "";
    const missed = this.#events.slice(at + 1).filter((event) => event.streamId === streamId);
    for (const { id, message } of missed) if ("jsonrpc" in (message as object)) await send(id, message);
    return streamId;
  }
}
