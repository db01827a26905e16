import { Page } from "@/ui/Page";

export default function TryPage() {
  return (
    <Page title="TryPage" documentTitle="TryPage">
      <p>TryPage</p>
    </Page>
  );
}
