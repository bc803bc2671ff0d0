"""A file that somebody chooses on a page, and that travels on in the preview's form until it is confirmed."""

from base64 import b64decode

from starlette.datastructures import FormData, UploadFile

LARGEST_FILE = 750_000
LARGEST_BODY = 1_200_000
"""With the file in base64 and the form around it."""


async def file_in(form: FormData) -> bytes | None:
    """The chosen `file`, or the `content` that a preview has shown; None where there is none or it is too large."""
    upload, again = form.get("file"), form.get("content")
    if isinstance(upload, UploadFile) and upload.size:
        return await upload.read() if upload.size <= LARGEST_FILE else None
    if isinstance(again, str) and again:
        try:
            data = b64decode(again, validate=True)
        except ValueError:
            return None
        return data if len(data) <= LARGEST_FILE else None
    return None
