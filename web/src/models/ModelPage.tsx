import { Page } from "@/ui/Page";

export default function ModelPage() {
  return (
    <Page title="ModelPage" documentTitle="ModelPage">
      <p>ModelPage</p>
    </Page>
  );
}
