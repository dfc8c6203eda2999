from django.http import HttpRequest, HttpResponse


def gift(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse("x")
