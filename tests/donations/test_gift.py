from donations.gifts.models import Donation
from tests.donations.giving import Giving, donation_of, mails, pdf_text, receipts_of


def test_a_paid_gift_is_received_and_its_receipt_is_mailed(giving: Giving) -> None:
    gift = giving.give()
    assert giving.type_card(gift["checkout_url"]).status_code == 303

    assert set(giving.deliver()) == {200}
    giving.work()

    donation = donation_of(gift)
    assert donation.status == Donation.Status.RECEIVED
    [receipt] = receipts_of(donation)
    assert receipt.amount_minor == 50050
    [mail] = mails()
    assert mail.to == ["taiman@example.org"]
    [(name, pdf, kind)] = mail.attachments
    assert (name, kind) == (receipt.document.file_name, "application/pdf")
    assert "HK$500.50" in pdf_text(pdf)
