using System.Text;

namespace Vitrine.Cli.Terminal;

/// <summary>Standard output of the commands that print something themselves.</summary>
internal sealed class StandardOutput : Stream
{
    private static readonly StreamWriter s_writer = new(new StandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

    /// <summary>For text. What is written appears when it is flushed.</summary>
    public static TextWriter Writer => s_writer;

    /// <summary>True when it is a terminal.</summary>
    public static bool IsTerminal => Libc.IsTerminal(StandardDescriptors.Output);

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="OutputEndedException">It takes no more.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        WriteResult result = Libc.WriteAll(StandardDescriptors.Output, buffer);
        if (result != WriteResult.Done) throw new OutputEndedException(result);
    }
}
