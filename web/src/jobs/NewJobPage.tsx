import { Page } from "@/ui/Page";

export default function NewJobPage() {
  return (
    <Page title="NewJobPage" documentTitle="NewJobPage">
      <p>NewJobPage</p>
    </Page>
  );
}
