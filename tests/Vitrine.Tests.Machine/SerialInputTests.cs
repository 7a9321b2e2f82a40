using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class SerialInputTests
{
    [Fact]
    public void BytesArriveOnceAndInOrderWhateverTheReceiverTakes()
    {
        const int Seed = 20260101;
        Random random = new(Seed);
        SerialInput input = new();
        List<byte> received = [];
        byte next = 0;
        int sent = 0;
        while (sent < 20_000 || input.Count > 0)
        {
            if (sent < 20_000)
            {
                byte[] bytes = new byte[random.Next(600)];
                for (int i = 0; i < bytes.Length; i++) bytes[i] = next++;
                input.Append(bytes);
                sent += bytes.Length;
            }

            int room = random.Next(17);
            input.Offer(bytes =>
            {
                int taken = Math.Min(room * 20, bytes.Length);
                received.AddRange(bytes[..taken]);
                return taken;
            });
        }

        Assert.Equal(sent, received.Count);
        Assert.All(received.Index(), item => Assert.True((byte)item.Index == item.Item, $"seed {Seed}, byte {item.Index}"));
    }
}
