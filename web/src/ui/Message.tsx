/** A message of the service; what stands between backticks is shown as code. */
export function Message({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a message do not move
    index % 2 === 1 ? <code key={index}>{part}</code> : part,
  );
}
