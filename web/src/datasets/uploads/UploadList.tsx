import { useUploads } from "./store";
import { UploadCard } from "./UploadCard";

/** The uploads of this tab, with what the service says about each. */
export function UploadList() {
  return useUploads().map((upload) => <UploadCard key={upload.id} upload={upload} />);
}
