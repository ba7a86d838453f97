import Testing

@testable import Toolset

@Suite struct HTMLTextTests {
    @Test(arguments: [
        ("<h1>A &amp; B</h1><p>one<br>two &#8364; &#x41;</p><ul><li>i<li>j</ul>", "A & B\n\none\ntwo € A\n\n- i\n- j"),
        ("<script>x<b</script>a<style>p{}</style><!-- c -->b", "ab"), ("a<SCRIPT>x</Script >b", "ab"),
        ("<pre>a\n  b\n\n\tc</pre>  d  e", "a\n  b\n\n\tc\n\nd e"),
        ("1 < 2 && 3 &unknown; &", "1 < 2 && 3 &unknown; &"),
        ("<a title='>' href=\"/x?a&amp;b\">t</a>", "t <http://h/x?a&b>"),
        ("<a href=#top>t</a><a href=javascript:x>u</a>", "tu"),
        ("<a href=/x></a>", ""), ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"), ("a\r\nb", "a b"), ("<p", ""),
        ("<!DOCTYPE html><html>x", "x"), ("<!-- never closed", ""), ("<script>never closed", ""),
    ])
    func `a page becomes its text`(html: String, text: String) throws {
        let base = try WebAddress("http://h/")
        let result = HTMLText.extract(Array(html.utf8), base: base)
        #expect(result == text)
    }

    @Test(arguments: UInt64(1)...200) func `any bytes give some text`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let parts = [
            "<", ">", "&", "&#x", ";", "<!--", "-->", "<script", "</script>", "<p", "<a href=", "\"", "'", "a", "/",
            "é",
        ]
        let html = (0..<60).map { _ in parts[Int.random(in: 0..<parts.count, using: &random)] }.joined()
        var bytes = Array(html.utf8)
        bytes.removeLast(Int.random(in: 0...3, using: &random))
        #expect(HTMLText.extract(bytes, base: try WebAddress("http://h/")).utf8.count < 10_000)
    }
}
