using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Interpreter.Sse.Operations;
using Xunit;
using Host = System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Tests.Software.Sse;

/// <summary>What stands behind AES-NI and PCLMULQDQ on hosts without them.</summary>
public sealed class CryptoPortableTests
{
    private const int Seed = 197;

    // FIPS 197, appendix B.
    private const string Key = "2B7E151628AED2A6ABF7158809CF4F3C";
    private const string Plain = "3243F6A8885A308D313198A2E0370734";
    private const string Encrypted = "3925841D02DC09FBDC118597196A0B32";

    [Fact]
    public void EncryptsTheExampleOfFips197()
    {
        V[] keys = KeySchedule();
        V state = FromHex(Plain) ^ keys[0];
        for (int i = 1; i < 10; i++) state = Crypto.EncryptRound.Portable(state, keys[i]);
        Assert.Equal(Encrypted, Hex(Crypto.EncryptLastRound.Portable(state, keys[10])));
    }

    [Fact]
    public void DecryptsTheExampleOfFips197()
    {
        V[] keys = KeySchedule();
        V state = FromHex(Encrypted) ^ keys[10];
        for (int i = 9; i > 0; i--) state = Crypto.DecryptRound.Portable(state, AesCipher.MixColumnsBack(keys[i]));
        Assert.Equal(Plain, Hex(Crypto.DecryptLastRound.Portable(state, keys[0])));
    }

    [Fact]
    public void AesAgreesWithTheHost()
    {
        Assert.SkipUnless(Host.Aes.IsSupported, "the host CPU has no AES-NI");
        Random random = new(Seed);
        for (int i = 0; i < 1000; i++)
        {
            V a = Next(random);
            V b = Next(random);
            Assert.Equal(Hex(Host.Aes.Encrypt(a, b)), Hex(Crypto.EncryptRound.Portable(a, b)));
            Assert.Equal(Hex(Host.Aes.EncryptLast(a, b)), Hex(Crypto.EncryptLastRound.Portable(a, b)));
            Assert.Equal(Hex(Host.Aes.Decrypt(a, b)), Hex(Crypto.DecryptRound.Portable(a, b)));
            Assert.Equal(Hex(Host.Aes.DecryptLast(a, b)), Hex(Crypto.DecryptLastRound.Portable(a, b)));
            Assert.Equal(Hex(Host.Aes.InverseMixColumns(b)), Hex(AesCipher.MixColumnsBack(b)));
        }
    }

    [Fact]
    public void CarrylessMultiplicationAgreesWithTheHost()
    {
        Assert.SkipUnless(Pclmulqdq.IsSupported, "the host CPU has no PCLMULQDQ");
        Random random = new(Seed);
        for (int i = 0; i < 1000; i++)
        {
            ulong x = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            ulong y = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            V expected = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(x), Vector128.CreateScalar(y), 0).AsByte();
            Assert.Equal(Hex(expected), Hex(Crypto.CarrylessMultiply.Portable(x, y)));
        }
    }

    private static V[] KeySchedule()
    {
        byte[] constants = [1, 2, 4, 8, 16, 32, 64, 128, 0x1B, 0x36];
        V[] keys = new V[11];
        keys[0] = FromHex(Key);
        for (int i = 0; i < constants.Length; i++)
        {
            uint word = Crypto.KeyGenerationAssist.Apply(V.Zero, keys[i], constants[i]).AsUInt32().GetElement(3);
            uint[] words = new uint[4];
            for (int j = 0; j < 4; j++) words[j] = word ^= keys[i].AsUInt32().GetElement(j);
            keys[i + 1] = Vector128.Create(words).AsByte();
        }

        return keys;
    }

    private static V FromHex(string text) => Vector128.Create(Convert.FromHexString(text));

    private static V Next(Random random)
    {
        byte[] bytes = new byte[V.Count];
        random.NextBytes(bytes);
        return Vector128.Create(bytes);
    }

    private static string Hex(V value)
    {
        byte[] bytes = new byte[V.Count];
        value.CopyTo(bytes);
        return Convert.ToHexString(bytes);
    }
}
